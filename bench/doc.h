/* Reads JSON (RFC 8259) into a tree: the reports of earlier runs, for --compare and for the page of --html. */
#ifndef HF_BENCH_DOC_H
#define HF_BENCH_DOC_H

#include <stdbool.h>
#include <stddef.h>

#define HF_DOC_DEPTH_MAX 16               /* nested objects and arrays */
#define HF_DOC_SIZE_MAX ((size_t)1 << 26) /* bytes of a file */

typedef enum hf_doc_type {
    HF_DOC_NULL,
    HF_DOC_BOOL,
    HF_DOC_NUMBER,
    HF_DOC_TEXT,
    HF_DOC_ARRAY,
    HF_DOC_OBJECT
} hf_doc_type;

/* A value. Everything in it belongs to the tree. */
typedef struct hf_doc hf_doc;
struct hf_doc {
    hf_doc_type type;
    char *key;     /* of a member of an object, else NULL */
    char *text;    /* HF_DOC_TEXT: UTF-8, NUL-terminated; a \u0000 of the file became U+FFFD */
    double number; /* HF_DOC_NUMBER; HF_DOC_BOOL: 0 or 1 */
    hf_doc *child; /* first element or member */
    hf_doc *next;  /* sibling */
};

/* len bytes of any content. NULL when they are not one JSON value, or on no memory: *out_why says which (static). */
hf_doc *hf_doc_parse(const char *text, size_t len, const char **out_why);
/* Of a whole file. NULL after a message. */
hf_doc *hf_doc_read(const char *path);
void hf_doc_free(hf_doc *doc); /* NULL is allowed */

/* The member of an object; NULL when there is none, or doc is NULL or no object. */
const hf_doc *hf_doc_get(const hf_doc *doc, const char *key);
/* Its text, or `otherwise` when it is not there or no text. */
const char *hf_doc_text(const hf_doc *doc, const char *key, const char *otherwise);
/* Its number, or NAN. */
double hf_doc_number(const hf_doc *doc, const char *key);
/* The first row of a report's "results"; go on with ->next. NULL: none. */
const hf_doc *hf_doc_rows(const hf_doc *report);

#endif
