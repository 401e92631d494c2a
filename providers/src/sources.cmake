set(HF_PROVIDERS_SOURCES
  src/compose.c
)
