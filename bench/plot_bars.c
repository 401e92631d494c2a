/* Horizontal bars as SVG; see plot.h. */
#include <math.h>
#include <string.h>

#include "plot.h"

#define WIDTH 560.0
#define LEFT 150.0
#define RIGHT 120.0 /* room for the value and the note of the longest bar */
#define TOP 12.0
#define BAR 17.0
#define ROW 22.0
#define GROUP 26.0
#define BOTTOM 26.0

hf_bar *hf_bars_add(hf_bars *bars, const char *group, const char *label, const char *style, double value)
{
    if (bars->bars_n == HF_PLOT_BARS_MAX || !isfinite(value) || value < 0)
        return NULL;
    hf_bar *bar = &bars->bars[bars->bars_n++];
    memset(bar, 0, sizeof *bar);
    (void)snprintf(bar->group, sizeof bar->group, "%s", group);
    (void)snprintf(bar->label, sizeof bar->label, "%s", label);
    bar->style = style;
    bar->value = value;
    return bar;
}

static bool begins_group(const hf_bars *bars, size_t i)
{
    return bars->bars[i].group[0] && (i == 0 || strcmp(bars->bars[i].group, bars->bars[i - 1].group) != 0);
}

static double height_of(const hf_bars *bars)
{
    double height = TOP + BOTTOM + ROW * (double)bars->bars_n;

    for (size_t i = 0; i < bars->bars_n; i++)
        height += begins_group(bars, i) ? GROUP : 0;
    return height + (bars->reference > 0 ? 14 : 0);
}

static void write_bar(const hf_bars *bars, const hf_bar *bar, double scale, double y, FILE *out)
{
    fprintf(out, "<g class='%s'><text class='label' x='%.1f' y='%.1f' text-anchor='end'>", bar->style, LEFT - 8,
            y + BAR - 4);
    hf_plot_escape(out, bar->label);
    fprintf(out, "</text><rect class='bar' x='%.1f' y='%.1f' width='%.1f' height='%.1f' rx='2'><title>", LEFT, y,
            fmax(bar->value * scale, 1), BAR);
    hf_plot_escape(out, bar->label);
    fputs(": ", out);
    hf_plot_number(out, bar->value);
    hf_plot_escape(out, bars->unit);
    fprintf(out, "</title></rect><text class='number' x='%.1f' y='%.1f'>", LEFT + bar->value * scale + 6, y + BAR - 4);
    hf_plot_number(out, bar->value);
    hf_plot_escape(out, bars->unit);
    if (bar->note[0]) {
        fputs(" <tspan class='note'>", out);
        hf_plot_escape(out, bar->note);
        fputs("</tspan>", out);
    }
    fputs("</text></g>\n", out);
}

static void write_reference(const hf_bars *bars, double scale, double height, FILE *out)
{
    double x = LEFT + bars->reference * scale;

    fprintf(out, "<path class='limit' d='M%.1f %.1fV%.1f'/><text class='tick' x='%.1f' y='%.1f' text-anchor='%s'>", x,
            TOP - 6, height - BOTTOM - 8, x, height - BOTTOM + 4, x > WIDTH / 2 ? "end" : "middle");
    hf_plot_escape(out, bars->reference_name);
    fputs("</text>\n", out);
}

void hf_bars_write(const hf_bars *bars, FILE *out)
{
    double max = bars->reference, height = height_of(bars), y = TOP;

    for (size_t i = 0; i < bars->bars_n; i++)
        max = fmax(max, bars->bars[i].value);
    if (bars->bars_n == 0 || !(max > 0))
        return;
    double scale = (WIDTH - LEFT - RIGHT) / max;
    fputs("<figure><figcaption>", out);
    hf_plot_escape(out, bars->title);
    fprintf(out, "</figcaption>\n<svg viewBox='0 0 %.0f %.0f' role='img' aria-label=\"", WIDTH, height);
    hf_plot_escape(out, bars->title);
    fputs("\">\n", out);
    /* The lines first: headings of groups that are wider than the room of the labels stand above them. */
    fprintf(out, "<path class='base' d='M%.1f %.1fV%.1f'/>", LEFT, TOP - 4,
            height - BOTTOM - (bars->reference > 0 ? 14 : 0));
    if (bars->reference > 0)
        write_reference(bars, scale, height, out);
    for (size_t i = 0; i < bars->bars_n; i++) {
        if (begins_group(bars, i)) {
            fprintf(out, "<text class='group' x='%.1f' y='%.1f'>", 4.0, y + GROUP - 9);
            hf_plot_escape(out, bars->bars[i].group);
            fputs("</text>\n", out);
            y += GROUP;
        }
        write_bar(bars, &bars->bars[i], scale, y, out);
        y += ROW;
    }
    fprintf(out, "<text class='axis' x='%.1f' y='%.1f'>", 4.0, height - 8);
    hf_plot_escape(out, bars->x_name);
    fputs("</text>\n</svg></figure>\n", out);
}
