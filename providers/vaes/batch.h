/* n jobs: checked, gathered by the number of their vectors, and run.
 *
 * Records with equally many vectors run side by side without a wasted lane and in loops whose branches never change.
 * The gathering needs no memory but a window's on the stack; sequence numbers do not mind another order. */
#ifndef HANDFAST_VAES_BATCH_H
#define HANDFAST_VAES_BATCH_H

#define BATCH_WINDOW 64
#define BATCH_CLASSES (BATCH_SHORT_MAX + 1) /* one for each number of vectors that is short, one for all others */

typedef struct batch {
    const hf_vaes_record *order[BATCH_WINDOW];
    hf_vaes_record records[BATCH_WINDOW];
    uint8_t class_of[BATCH_WINDOW];
    size_t n;
    size_t counts[BATCH_CLASSES];
} batch;

HF_VAES_INLINE void batch_short(const hf_vaes_record *const *r, size_t n, size_t vectors, size_t side_by_side,
                                unsigned rounds, bool seal)
{
    for (; n >= side_by_side; n -= side_by_side, r += side_by_side)
        short_records(r, side_by_side, vectors, rounds, seal);
    for (; n > 0; n--, r++)
        short_records(r, 1, vectors, rounds, seal);
}

/* The records of one class. */
HF_VAES_INLINE void batch_class(const hf_vaes_record *const *r, size_t n, size_t vectors, unsigned rounds, bool seal)
{
    switch (vectors) {
    case 1:
        batch_short(r, n, 1, 4, rounds, seal);
        break;
    case 2:
        batch_short(r, n, 2, 4, rounds, seal);
        break;
    case 3:
        batch_short(r, n, 3, 2, rounds, seal);
        break;
    case 4:
        batch_short(r, n, 4, 1, rounds, seal);
        break;
    case 5:
        batch_short(r, n, 5, 1, rounds, seal);
        break;
#if BATCH_SHORT_MAX > 5
    case 6:
        batch_short(r, n, 6, 1, rounds, seal);
        break;
    case 7:
        batch_short(r, n, 7, 1, rounds, seal);
        break;
    case 8:
        batch_short(r, n, 8, 1, rounds, seal);
        break;
#endif
    default:
        for (size_t i = 0; i < n; i++)
            bulk_record(r[i], text_vectors(r[i]->len), rounds, seal);
        break;
    }
}

HF_VAES_INLINE void batch_add(batch *b, hf_record_job *job, bool seal)
{
    hf_vaes_record *r = &b->records[b->n];

    if (!(seal ? record_seal(r, job) : record_open(r, job)))
        return;
    size_t vectors = text_vectors(r->len);
    uint8_t class = (uint8_t)(vectors > BATCH_SHORT_MAX ? BATCH_SHORT_MAX : vectors - 1);
    b->class_of[b->n++] = class;
    b->counts[class]++;
}

HF_VAES_INLINE void batch_run(batch *b, unsigned rounds, bool seal)
{
    size_t starts[BATCH_CLASSES], at = 0;

    for (size_t class = 0; class < BATCH_CLASSES; class ++) {
        starts[class] = at;
        at += b->counts[class];
    }
    for (size_t i = 0; i < b->n; i++)
        b->order[starts[b->class_of[i]]++] = &b->records[i];
    at = 0;
    for (size_t class = 0; class < BATCH_CLASSES; class ++) {
        if (b->counts[class] > 0)
            batch_class(b->order + at, b->counts[class], class + 1, rounds, seal);
        at += b->counts[class];
    }
}

HF_VAES_INLINE void batch_jobs(hf_record_job *jobs, size_t n, unsigned rounds, bool seal)
{
    batch b;

    while (n > 0) {
        size_t part = n < BATCH_WINDOW ? n : BATCH_WINDOW;
        b.n = 0;
        memset(b.counts, 0, sizeof b.counts);
        for (size_t i = 0; i < part; i++)
            batch_add(&b, &jobs[i], seal);
        batch_run(&b, rounds, seal);
        jobs += part;
        n -= part;
    }
    vec_forget();
}

#endif
