# Sources of `handfast token`, relative to apps/. They need handfast_hsm_static and libcrypto.
set(HF_TOKEN_SOURCES token.c token_args.c token_load.c)
