/* n jobs: short ones first, gathered by their number of blocks and run side by side as soon as the lanes are full
 * (lanes.h); then all others, each checked and laid out while the one before is still in work (fours.h, bulk.h; short.h
 * for one that has no like beside it). A single job goes a way of its own, with as few branches as there can be.
 *
 * Lengths that differ are put in order, so that like stands beside like and branches change little; sequence numbers do
 * not mind another order. The gathering needs no memory but a window's on the stack. */
#ifndef HANDFAST_VAES_BATCH_H
#define HANDFAST_VAES_BATCH_H

#define BATCH_WINDOW 64
#define BATCH_AHEAD 4                               /* jobs from one whose key is asked for to the one that runs */
#define BATCH_LANES_MIN (VEC_LANES - VEC_LANES / 4) /* records that are worth a group of lanes */
#define BATCH_CLASSES 16                            /* lengths that are told apart when jobs are put in order */
#define BATCH_CLASS_BYTES 64

typedef struct batch {
    hf_record_job *jobs;
    size_t records_n, rows_n, left_n, next;
    size_t shortest, longest;                                 /* of the rows */
    const hf_vaes_record *lanes[LANES_BLOCKS + 1][VEC_LANES]; /* by number of blocks, until there are enough */
    const hf_vaes_record *left[BATCH_WINDOW];                 /* not enough for lanes, or padded: they are ready */
    uint8_t lanes_n[LANES_BLOCKS + 1];
    uint8_t rows[BATCH_WINDOW]; /* jobs that are not for lanes */
    hf_vaes_record records[BATCH_WINDOW];
} batch;

/* Records with `blocks` blocks. */
HF_VAES_INLINE void batch_lanes(const hf_vaes_record *const *r, size_t n, size_t blocks, unsigned rounds, bool seal)
{
    switch (blocks) {
#define BATCH_BLOCKS(k)                                                                                                \
    case k:                                                                                                            \
        lanes_records(r, n, k, rounds, seal);                                                                          \
        break
        BATCH_BLOCKS(0);
        BATCH_BLOCKS(1);
        BATCH_BLOCKS(2);
        BATCH_BLOCKS(3);
        BATCH_BLOCKS(4);
        BATCH_BLOCKS(5);
        BATCH_BLOCKS(6);
        BATCH_BLOCKS(7);
        BATCH_BLOCKS(8);
#undef BATCH_BLOCKS
    default:
        break;
    }
}

/* Whether a job's record has LANES_BLOCKS blocks or fewer, whatever its mode; some that are just that short are rows.
 */
HF_VAES_INLINE bool batch_is_short(const hf_record_job *job, bool seal)
{
    return seal ? job->in_len < LANES_BLOCKS * HF_VAES_BLOCK
                : job->in_len <= LANES_BLOCKS * HF_VAES_BLOCK + RECORD_TAG_SIZE;
}

HF_VAES_INLINE bool batch_record(hf_vaes_record *r, hf_record_job *job, bool seal)
{
    return seal ? record_seal(r, job) : record_open(r, job);
}

/* Padding is made before anything runs. */
HF_VAES_INLINE void batch_padded(batch *b, hf_record_job *job)
{
    hf_vaes_record *r = &b->records[b->records_n];

    if (!record_seal(r, job))
        return;
    if (r->key->tls13)
        record_pad(r, job);
    b->records_n++;
    b->left[b->left_n++] = r;
}

/* The key of a job whose turn comes soon: with many connections it is in no near cache. Its first line, and the end,
 * where the powers of short records and the round keys are. */
HF_VAES_INLINE void batch_expect(const hf_record_job *job, unsigned rounds)
{
    const uint8_t *key = job->key;
    size_t end = offsetof(hf_vaes_key, round_keys) + rounds * HF_VAES_BLOCK;

    _mm_prefetch(key, _MM_HINT_T0);
#pragma GCC unroll 16
    for (size_t at = 320; at < end; at += 64)
        _mm_prefetch(key + at, _MM_HINT_T0);
}

/* Takes the jobs in turn: short ones are run in lanes, or left; of the others a list is made. */
HF_VAES_INLINE void batch_short(batch *b, size_t n, unsigned rounds, bool seal)
{
    uint32_t begun = 0; /* numbers of blocks of which there are records in b->lanes */

    for (size_t i = 0; i < n; i++) {
        hf_record_job *job = &b->jobs[i];
        if (i + BATCH_AHEAD < n)
            batch_expect(&b->jobs[i + BATCH_AHEAD], rounds);
        if (seal && job->padding > 0) {
            batch_padded(b, job);
            continue;
        }
        if (!batch_is_short(job, seal)) {
            b->rows[b->rows_n++] = (uint8_t)i;
            b->shortest = job->in_len < b->shortest ? job->in_len : b->shortest;
            b->longest = job->in_len > b->longest ? job->in_len : b->longest;
            continue;
        }
        hf_vaes_record *r = &b->records[b->records_n];
        if (!batch_record(r, job, seal))
            continue;
        b->records_n++;
        size_t blocks = (r->len + HF_VAES_BLOCK - 1) / HF_VAES_BLOCK;
        if (!(begun & 1u << blocks))
            b->lanes_n[blocks] = 0;
        begun |= 1u << blocks;
        b->lanes[blocks][b->lanes_n[blocks]++] = r;
        if (b->lanes_n[blocks] < VEC_LANES)
            continue;
        batch_lanes(b->lanes[blocks], VEC_LANES, blocks, rounds, seal);
        b->lanes_n[blocks] = 0;
    }
    for (; begun != 0; begun &= begun - 1) {
        size_t blocks = (size_t)__builtin_ctz(begun);
        if (b->lanes_n[blocks] >= BATCH_LANES_MIN) {
            batch_lanes(b->lanes[blocks], b->lanes_n[blocks], blocks, rounds, seal);
            continue;
        }
        for (size_t i = 0; i < b->lanes_n[blocks]; i++)
            b->left[b->left_n++] = b->lanes[blocks][i];
    }
}

/* Puts the rows in the order of their lengths, as far as lengths decide the way through the code. */
static void batch_sort(batch *b)
{
    uint8_t starts[BATCH_CLASSES + 1] = {0}, classes[BATCH_WINDOW], from[BATCH_WINDOW];

    memcpy(from, b->rows, b->rows_n);
    for (size_t i = 0; i < b->rows_n; i++) {
        size_t class = b->jobs[from[i]].in_len / BATCH_CLASS_BYTES;
        classes[i] = (uint8_t)(class < BATCH_CLASSES ? class : BATCH_CLASSES - 1);
        starts[classes[i] + 1]++;
    }
    for (size_t class = 1; class < BATCH_CLASSES; class ++)
        starts[class] = (uint8_t)(starts[class] + starts[class - 1]);
    for (size_t i = 0; i < b->rows_n; i++)
        b->rows[starts[classes[i]]++] = from[i];
}

/* The next record that is a row, or NULL: first those that were left, then the jobs of the list. */
HF_VAES_INLINE const hf_vaes_record *batch_next(batch *b, bool seal)
{
    while (b->next < b->left_n + b->rows_n) {
        size_t at = b->next++;
        if (at < b->left_n)
            return b->left[at];
        hf_vaes_record *r = &b->records[b->records_n];
        if (batch_record(r, &b->jobs[b->rows[at - b->left_n]], seal)) {
            b->records_n++;
            return r;
        }
    }
    return NULL;
}

/* A record by itself. rounds is a constant. */
HF_VAES_INLINE void batch_alone(const hf_vaes_record *r, unsigned rounds, bool seal)
{
    switch (text_vectors(r->len)) {
#define BATCH_VECTORS(k)                                                                                               \
    case k:                                                                                                            \
        short_record(r, k, rounds, seal);                                                                              \
        break
        BATCH_VECTORS(1);
        BATCH_VECTORS(2);
        BATCH_VECTORS(3);
        BATCH_VECTORS(4);
#if BULK_GROUP > 4
        BATCH_VECTORS(5);
        BATCH_VECTORS(6);
        BATCH_VECTORS(7);
        BATCH_VECTORS(8);
#endif
#undef BATCH_VECTORS
    default:
        bulk_record(r, rounds, seal);
        break;
    }
}

/* Whether two records may be among the same four. */
HF_VAES_INLINE bool batch_alike(const hf_vaes_record *r, const hf_vaes_record *next)
{
    return next && fours_vectors(next) == fours_vectors(r) && text_vectors(next->len) <= BULK_GROUP;
}

/* r, next, and the records after them, as long as they have n vectors of text; n is a constant. Gives the first that
 * has not. */
HF_VAES_INLINE const hf_vaes_record *batch_fours(batch *b, const hf_vaes_record *r, const hf_vaes_record *next,
                                                 size_t n, unsigned rounds, bool seal)
{
    vec state[FOURS_VECTORS];
    fours_text before;
    fours f;

    f.n = 0;
    __m128i mask = fours_rounds(r, state, n, NULL, NULL, rounds, seal);
    fours_begin(&before, r, state, mask, n);
    do {
        ghash_sum sum;
        r = next;
        mask = fours_rounds(r, state, n, &before, &sum, rounds, seal);
        fours_add(&f, &before, &sum, seal);
        fours_begin(&before, r, state, mask, n);
        next = batch_next(b, seal);
    } while (batch_alike(r, next));
    fours_rest(&f, &before, n, seal);
    fours_forget(&f);
    return next;
}

HF_VAES_INLINE void batch_rows(batch *b, unsigned rounds, bool seal, void (*alone)(const hf_vaes_record *r))
{
    const hf_vaes_record *r = batch_next(b, seal);

    while (r) {
        const hf_vaes_record *next = batch_next(b, seal);
        switch (text_vectors(r->len) <= BULK_GROUP && batch_alike(r, next) ? fours_vectors(r) : 0) {
#define BATCH_VECTORS(k)                                                                                               \
    case k:                                                                                                            \
        r = batch_fours(b, r, next, k, rounds, seal);                                                                  \
        break
            BATCH_VECTORS(1);
            BATCH_VECTORS(2);
            BATCH_VECTORS(3);
            BATCH_VECTORS(4);
#if BULK_GROUP > 4
            BATCH_VECTORS(5);
            BATCH_VECTORS(6);
            BATCH_VECTORS(7);
            BATCH_VECTORS(8);
#endif
#undef BATCH_VECTORS
        default:
            alone(r);
            r = next;
            break;
        }
    }
}

/* One window of jobs. */
HF_VAES_INLINE void batch_window(hf_record_job *jobs, size_t n, unsigned rounds, bool seal,
                                 void (*alone)(const hf_vaes_record *r))
{
    batch b;

    b.jobs = jobs;
    b.records_n = b.rows_n = b.left_n = b.next = 0;
    b.shortest = SIZE_MAX;
    b.longest = 0;
    batch_short(&b, n, rounds, seal);
    if (b.longest / BATCH_CLASS_BYTES != b.shortest / BATCH_CLASS_BYTES && b.rows_n > 1)
        batch_sort(&b);
    batch_rows(&b, rounds, seal, alone);
}

HF_VAES_INLINE void batch_one(hf_record_job *job, bool seal, void (*alone)(const hf_vaes_record *r))
{
    hf_vaes_record r;

    if (!batch_record(&r, job, seal))
        return;
    if (seal && job->padding > 0 && r.key->tls13)
        record_pad(&r, job);
    alone(&r);
}

/* alone: batch_alone for these rounds. */
HF_VAES_INLINE void batch_jobs(hf_record_job *jobs, size_t n, unsigned rounds, bool seal,
                               void (*alone)(const hf_vaes_record *r))
{
    if (n == 1)
        batch_one(jobs, seal, alone);
    else
        for (size_t at = 0; at < n; at += BATCH_WINDOW)
            batch_window(jobs + at, n - at < BATCH_WINDOW ? n - at : BATCH_WINDOW, rounds, seal, alone);
    for (size_t i = 0; !seal && i < n; i++)
        if (jobs[i].status == HF_ERR_VERIFY)
            record_refused(&jobs[i]);
    vec_forget();
}

#endif
