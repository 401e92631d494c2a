/* Reading the file of --provider-table. See path_file.h. */
#include "path_file.h"

#include "cli.h"
#include "credentials.h"

bool hf_path_file_read(const char *path, hf_path_table *out)
{
    uint8_t *text = NULL;
    size_t len = 0;
    char why[HF_LINE_MAX] = "";

    if (!hf_file_read(path, "provider table", HF_PATH_FILE_MAX, &text, &len))
        return false;
    hf_status status = hf_path_table_parse((const char *)text, len, out, why, sizeof why);
    hf_file_free(text, len);
    if (status != HF_OK)
        hf_cli_error("provider table %s: %s; make one with: handfast providers --measure", path, why);
    return status == HF_OK;
}

bool hf_path_file_use(const char *path, const hf_path_table *table)
{
    hf_status status = hf_path_table_use(table);
    if (status != HF_OK)
        hf_cli_error("provider table %s: %s", path, hf_status_text(status));
    return status == HF_OK;
}
