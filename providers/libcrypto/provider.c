/* placeholder of the skeleton: replaced by the libcrypto provider */
#include "handfast/providers.h"
typedef int hf_libcrypto_skeleton;
