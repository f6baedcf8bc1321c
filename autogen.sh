#!/bin/sh
# Makes configure from a fresh clone. Everything it writes is ignored by git.
cd "$(dirname "$0")" && exec autoreconf -fi "$@"
