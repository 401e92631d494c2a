/* Looking at the files of --ocsp for another process. See staple_watch.h. */
#include "staple_watch.h"

#include <string.h>

#include "now.h"

uint64_t hf_staple_watch_next(const hf_serve_options *options)
{
    for (size_t i = 0; i < options->tls.n_keys; i++)
        if (options->tls.ocsp[i])
            return hf_time_ms() + 1000ull * options->ocsp_check;
    return UINT64_MAX;
}

void hf_staple_watch_begin(hf_staple_watch *watch, const hf_serve_options *options)
{
    memset(watch, 0, sizeof *watch);
    watch->next_ms = hf_staple_watch_next(options);
}

bool hf_staple_watch_look(hf_staple_watch *watch, const hf_serve_options *options)
{
    bool other = false;
    for (size_t i = 0; i < options->tls.n_keys; i++) {
        hf_file_id id;
        if (!options->tls.ocsp[i])
            continue;
        bool there = hf_file_id_get(options->tls.ocsp[i], &id);
        if (!watch->files[i].looked || there != watch->files[i].there ||
            (there && !hf_file_id_same(&id, &watch->files[i].id)))
            other = true;
        watch->files[i].looked = true;
        watch->files[i].there = there;
        if (there)
            watch->files[i].id = id;
    }
    watch->next_ms = hf_staple_watch_next(options);
    return other;
}
