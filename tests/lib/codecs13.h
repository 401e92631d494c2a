/* Every parser of msg13.h under one shape, for tests and fuzz targets that treat them alike; as codecs.h. */
#ifndef TESTS_CODECS13_H
#define TESTS_CODECS13_H

#include "codecs.h"
#include "msg13.h"

extern const codec codecs13[]; /* ends with name NULL */
const codec *codec13_by_name(const char *name);

#endif
