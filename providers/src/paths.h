/* Which provider serves a cipher, by direction, size and number of records. Internal to `providers`; the public face is
 * in handfast/providers.h. */
#ifndef HANDFAST_PATHS_H
#define HANDFAST_PATHS_H

#include "handfast/providers.h"

/* The classes of a content's size in bytes and of a number of records. */
size_t hf_path_size_class(size_t bytes);
size_t hf_path_batch_class(size_t records);

/* The table in force; settled at the first call, by default hf_path_table_default's. */
const hf_path_table *hf_paths(void);

/* The two providers that serve most cells of a cipher in the table; *out_second NULL when one serves all. A cell that
 * names a third one falls to the first. */
void hf_path_pair(const hf_path_table *table, hf_cipher_id id, const hf_provider **out_first,
                  const hf_provider **out_second);

/* The cipher of a provider; NULL when it has none. */
const hf_cipher *hf_provider_cipher(const hf_provider *provider, hf_cipher_id id);

#endif
