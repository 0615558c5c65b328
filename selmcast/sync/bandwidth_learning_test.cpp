#include "selmcast/sync/bursts.h"
