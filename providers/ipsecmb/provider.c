/* placeholder of the skeleton: replaced by the ipsecmb provider */
#include "handfast/providers.h"
typedef int hf_ipsecmb_skeleton;
