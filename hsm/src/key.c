#include "handfast/hsm.h"
typedef int hf_hsm_skeleton;
