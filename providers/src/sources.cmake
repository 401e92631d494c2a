# Composition, self-tests, CPU features.
set(HF_PROVIDERS_SOURCES
  src/compose.c
  src/cpu.c
  src/md_fastest.c
  src/mixed.c
  src/path_measure.c
  src/paths.c
  src/selftest.c
  src/selftest_cipher.c
  src/selftest_data.c
  src/selftest_verifier.c
  src/selftest_x25519.c
)
