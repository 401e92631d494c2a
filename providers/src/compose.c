#include "handfast/providers.h"
typedef int hf_compose_skeleton;
