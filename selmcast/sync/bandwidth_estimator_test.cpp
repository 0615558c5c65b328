#include "selmcast/sync/bandwidth_estimator.h"
