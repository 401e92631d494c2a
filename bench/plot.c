/* Lines over a logarithmic axis, as SVG; see plot.h. */
#include "plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 560.0
#define HEIGHT 330.0
#define LEFT 46.0
#define RIGHT 176.0 /* room for the labels of the lines */
#define TOP 34.0
#define BOTTOM 44.0
#define LABEL_STEP 14.5 /* between two labels, at least */
#define Y_TICKS 5

void hf_plot_escape(FILE *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        switch (*p) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            if ((unsigned char)*p >= 0x20) /* XML has no other control characters */
                fputc(*p, out);
        }
    }
}

void hf_plot_number(FILE *out, double value)
{
    if (value >= 9999.5)
        fprintf(out, "%.0f %03.0f", floor(round(value) / 1000), fmod(round(value), 1000));
    else
        fprintf(out, "%.*f", value >= 99.95 ? 0 : value >= 9.995 ? 1 : value >= 0.9995 ? 2 : 3, value);
}

double hf_plot_step(double max, unsigned n)
{
    static const double nice[] = {1, 2, 2.5, 5, 10};
    double power = pow(10, floor(log10(max / n)));

    for (size_t i = 0; i < sizeof nice / sizeof nice[0]; i++)
        if (nice[i] * power * n >= max * 0.999)
            return nice[i] * power;
    return 10 * power;
}

void hf_plot_add(hf_plot *plot, const char *name, const char *style, double x, double y)
{
    size_t i = 0;

    if (!isfinite(x) || !isfinite(y) || x <= 0 || y < 0)
        return;
    while (i < plot->lines_n && strcmp(plot->lines[i].name, name) != 0)
        i++;
    if (i == HF_PLOT_LINES_MAX)
        return;
    hf_plot_line *line = &plot->lines[i];
    if (i == plot->lines_n) {
        plot->lines_n++;
        (void)snprintf(line->name, sizeof line->name, "%s", name);
        line->style = style;
        line->n = 0;
    }
    if (line->n == HF_PLOT_POINTS_MAX)
        return;
    line->x[line->n] = x;
    line->y[line->n++] = y;
}

typedef struct frame {
    double x_min, x_max, y_max, step;
} frame;

static frame frame_of(const hf_plot *plot)
{
    frame f = {.x_min = INFINITY, .x_max = 0, .y_max = plot->limit};

    for (size_t i = 0; i < plot->lines_n; i++) {
        for (size_t k = 0; k < plot->lines[i].n; k++) {
            f.x_min = fmin(f.x_min, plot->lines[i].x[k]);
            f.x_max = fmax(f.x_max, plot->lines[i].x[k]);
            f.y_max = fmax(f.y_max, plot->lines[i].y[k]);
        }
    }
    if (f.y_max > 0) {
        f.step = hf_plot_step(f.y_max, Y_TICKS);
        f.y_max = fmax(f.step * ceil(f.y_max / f.step - 0.05), f.y_max);
    }
    return f;
}

static double at_x(const frame *f, double x)
{
    double wide = log2(f->x_max / f->x_min);

    return LEFT + (wide > 0 ? log2(x / f->x_min) / wide : 0.5) * (WIDTH - LEFT - RIGHT);
}

static double at_y(const frame *f, double y)
{
    return TOP + (1 - y / f->y_max) * (HEIGHT - TOP - BOTTOM);
}

static void write_x(FILE *out, double x, bool bytes)
{
    if (bytes && x >= 4096 && fmod(x, 1024) == 0)
        fprintf(out, "%.0f KiB", x / 1024);
    else if (x >= 10000 && fmod(x, 1000) == 0)
        fprintf(out, "%.0f 000", x / 1000);
    else
        fprintf(out, "%.0f", x);
}

/* A tick where the longest line has a point, unless it would touch the one before. */
static void write_x_axis(const hf_plot *plot, const frame *f, FILE *out)
{
    const hf_plot_line *longest = &plot->lines[0];
    double last = INFINITY;

    for (size_t i = 1; i < plot->lines_n; i++)
        if (plot->lines[i].n > longest->n)
            longest = &plot->lines[i];
    for (size_t k = longest->n; k-- > 0;) { /* from the end, which always has one */
        double x = at_x(f, longest->x[k]);
        if (last - x < 44)
            continue;
        last = x;
        fprintf(out, "<text class='tick' x='%.1f' y='%.1f' text-anchor='middle'>", x, HEIGHT - BOTTOM + 17);
        write_x(out, longest->x[k], plot->x_is_bytes);
        fputs("</text>", out);
    }
    fprintf(out, "<text class='axis' x='%.1f' y='%.1f' text-anchor='middle'>", (LEFT + WIDTH - RIGHT) / 2,
            HEIGHT - BOTTOM + 36);
    hf_plot_escape(out, plot->x_name);
    fputs("</text>\n", out);
}

static void write_y_axis(const hf_plot *plot, const frame *f, FILE *out)
{
    for (double y = 0; y <= f->y_max * 1.001; y += f->step) {
        fprintf(out, "<path class='grid' d='M%.1f %.1fH%.1f'/>", LEFT, at_y(f, y), WIDTH - RIGHT);
        fprintf(out, "<text class='tick' x='%.1f' y='%.1f' text-anchor='end'>%g</text>", LEFT - 7, at_y(f, y) + 4, y);
    }
    fprintf(out, "<text class='axis' x='%.1f' y='%.1f'>", LEFT - 38, TOP - 16);
    hf_plot_escape(out, plot->y_name);
    fputs("</text>\n", out);
}

static void write_line(const hf_plot *plot, const hf_plot_line *line, const frame *f, FILE *out)
{
    fprintf(out, "<g class='%s'><path class='line' d='", line->style);
    for (size_t k = 0; k < line->n; k++)
        fprintf(out, "%s%.1f %.1f", k ? "L" : "M", at_x(f, line->x[k]), at_y(f, line->y[k]));
    fputs("'/>", out);
    for (size_t k = 0; k < line->n; k++) {
        fprintf(out, "<circle cx='%.1f' cy='%.1f' r='3.2'><title>", at_x(f, line->x[k]), at_y(f, line->y[k]));
        hf_plot_escape(out, line->name);
        fputs(", ", out);
        write_x(out, line->x[k], plot->x_is_bytes);
        fputs(": ", out);
        hf_plot_number(out, line->y[k]);
        fputs("</title></circle>", out);
    }
    fputs("</g>\n", out);
}

/* A line's label: where the line ends, and where the label stands when the labels do not overlap. */
typedef struct label {
    const hf_plot_line *line;
    double want, y;
} label;

static int higher(const void *a, const void *b)
{
    const label *x = a;
    const label *y = b;

    return x->want < y->want ? -1 : x->want > y->want;
}

static void spread_labels(label *labels, size_t n)
{
    double room = TOP - 8;

    for (size_t i = 0; i < n; i++) {
        labels[i].y = fmax(labels[i].want, room);
        room = labels[i].y + LABEL_STEP;
    }
    room = HEIGHT - BOTTOM - 4; /* pushed out below: up again */
    for (size_t i = n; i-- > 0;) {
        labels[i].y = fmin(labels[i].y, room);
        room = labels[i].y - LABEL_STEP;
    }
}

static void write_labels(const hf_plot *plot, const frame *f, FILE *out)
{
    label labels[HF_PLOT_LINES_MAX];

    for (size_t i = 0; i < plot->lines_n; i++) {
        const hf_plot_line *line = &plot->lines[i];
        labels[i] = (label){.line = line, .want = at_y(f, line->y[line->n - 1])};
    }
    qsort(labels, plot->lines_n, sizeof *labels, higher);
    spread_labels(labels, plot->lines_n);
    for (size_t i = 0; i < plot->lines_n; i++) {
        const hf_plot_line *line = labels[i].line;
        double x = at_x(f, line->x[line->n - 1]);
        fprintf(out, "<g class='%s'><path class='lead' d='M%.1f %.1fL%.1f %.1f'/>", line->style, x + 4, labels[i].want,
                WIDTH - RIGHT + 14, labels[i].y);
        fprintf(out, "<text class='name' x='%.1f' y='%.1f'>", WIDTH - RIGHT + 18, labels[i].y + 4);
        hf_plot_escape(out, line->name);
        fputs(" <tspan class='value'>", out);
        hf_plot_number(out, line->y[line->n - 1]);
        fputs("</tspan></text></g>\n", out);
    }
}

void hf_plot_write(const hf_plot *plot, FILE *out)
{
    frame f = frame_of(plot);

    if (plot->lines_n == 0 || !(f.y_max > 0))
        return;
    fputs("<figure><figcaption>", out);
    hf_plot_escape(out, plot->title);
    fprintf(out, "</figcaption>\n<svg viewBox='0 0 %.0f %.0f' role='img' aria-label=\"", WIDTH, HEIGHT);
    hf_plot_escape(out, plot->title);
    fputs("\">\n", out);
    write_y_axis(plot, &f, out);
    write_x_axis(plot, &f, out);
    if (plot->limit > 0) {
        fprintf(out, "<path class='limit' d='M%.1f %.1fH%.1f'/><text class='tick' x='%.1f' y='%.1f'>", LEFT,
                at_y(&f, plot->limit), WIDTH - RIGHT, LEFT + 6, at_y(&f, plot->limit) + 14);
        hf_plot_escape(out, plot->limit_name);
        fputs("</text>\n", out);
    }
    for (size_t i = plot->lines_n; i-- > 0;) /* the first stands on top */
        write_line(plot, &plot->lines[i], &f, out);
    write_labels(plot, &f, out);
    fputs("</svg></figure>\n", out);
}
