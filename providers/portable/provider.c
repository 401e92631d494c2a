/* placeholder of the skeleton: replaced by the portable provider */
#include "handfast/providers.h"
typedef int hf_portable_skeleton;
