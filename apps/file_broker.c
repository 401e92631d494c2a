/* Opening the public files that the options name. See file_broker.h. */
#include "file_broker.h"

#include <fcntl.h>

int hf_file_open(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}
