#include "flow_kernels.h"
