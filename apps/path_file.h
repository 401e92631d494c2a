/* The table of paths in a file: which provider serves how many records of which size (handfast/providers.h). */
#ifndef HANDFAST_APPS_PATH_FILE_H
#define HANDFAST_APPS_PATH_FILE_H

#include <stdbool.h>

#include "handfast/providers.h"

#define HF_PATH_FILE_MAX 262144 /* bytes */

/* Reads a table; false after telling why not. */
bool hf_path_file_read(const char *path, hf_path_table *out);
/* Makes `auto` follow it, in the whole program and before anything was composed; false after telling why not. */
bool hf_path_file_use(const char *path, const hf_path_table *table);

#endif
