#include "selmcast/sync/rate_allocator.h"
