/* AES-128-CCM: what measuring needs of it. */
#ifndef HANDFAST_IPSECMB_CCM_H
#define HANDFAST_IPSECMB_CCM_H

#include "ipsecmb.h"

/* Seals 1 to HF_IMB_BATCH records with a manager of the caller's choice; each job tells how it went. */
void hf_imb_ccm_seal_with(IMB_MGR *mgr, hf_record_job *jobs, size_t n);

#endif
