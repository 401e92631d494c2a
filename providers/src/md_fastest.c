/* The fastest operations of a hash on this CPU. */
#include "md_fastest.h"

#if HF_HAVE_X86
#include "../x86/x86.h"
#endif

const hf_md_ops *hf_md_ops_fastest(hf_hash_id id)
{
#if HF_HAVE_X86
    const hf_md_ops *x86 = hf_x86_md_ops(id);
    if (x86)
        return x86;
#endif
    return hf_md_ops_of(id);
}
