/* Every row of the reports as a table, one for each benchmark, behind a click. */
#include <string.h>

#include "html_parts.h"

static void write_cell(const hf_doc *value, FILE *out)
{
    if (value->type == HF_DOC_NUMBER) {
        fprintf(out, "<td class='n'>%.6g</td>", value->number);
    } else if (value->type == HF_DOC_BOOL) {
        fputs(value->number > 0 ? "<td>yes</td>" : "<td>no</td>", out);
    } else {
        fputs("<td>", out);
        hf_plot_escape(out, value->type == HF_DOC_TEXT ? value->text : "");
        fputs("</td>", out);
    }
}

/* The columns are those of the first row; a row that lacks one leaves it empty. */
static void write_table(const hf_rows *rows, const char *bench, FILE *out)
{
    const hf_doc *first = NULL;

    for (size_t i = 0; i < rows->n; i++) {
        const hf_doc *row = rows->row[i];
        if (!hf_row_is(row, "bench", bench))
            continue;
        if (!first) {
            first = row;
            fputs("<div class='scroll'><table><thead><tr>", out);
            for (const hf_doc *m = row->child ? row->child->next : NULL; m; m = m->next) {
                fputs("<th>", out);
                hf_plot_escape(out, m->key);
                fputs("</th>", out);
            }
            fputs("</tr></thead><tbody>\n", out);
        }
        fputs("<tr>", out);
        for (const hf_doc *m = first->child ? first->child->next : NULL; m; m = m->next) {
            static const hf_doc none = {.type = HF_DOC_NULL};
            const hf_doc *value = hf_doc_get(row, m->key);
            write_cell(value ? value : &none, out);
        }
        fputs("</tr>\n", out);
    }
    if (first)
        fputs("</tbody></table></div>", out);
}

void hf_html_tables(const hf_rows *rows, FILE *out)
{
    fputs("<section><h2>Every figure</h2>\n", out);
    for (size_t i = 0; i < rows->n; i++) {
        const char *bench = hf_doc_text(rows->row[i], "bench", "");
        bool before = false;
        for (size_t k = 0; k < i && !before; k++)
            before = hf_row_is(rows->row[k], "bench", bench);
        if (before)
            continue;
        fputs("<details><summary>", out);
        hf_plot_escape(out, bench);
        fputs("</summary>", out);
        write_table(rows, bench, out);
        fputs("</details>\n", out);
    }
    fputs("</section>\n", out);
}
