/*
 * unit.h - a test program is a table of functions.
 *
 *	static void adds(void) { UNIT_EQ(1 + 1, 2); }
 *
 *	static const struct unit_test tests[] = {
 *		{ "sum", "adds", adds },
 *	};
 *	UNIT_MAIN(tests)
 *
 * Rows of one suite stand together. The program runs them all, or those that
 * its arguments name ("sum" or "sum/adds"), prints CUnit's summary and, last,
 * "tests: N passed, N failed, N skipped". It exits 0 if none failed, 77 if
 * all were skipped, else 1.
 *
 * Environment: FLUX_TEST_SCALE divides the counts of long tests; for slow
 * builds such as those with sanitizers. FLUX_TEST_TIMEOUT is how many seconds
 * one test may take before the program is ended as hung (default 300, 0 for
 * ever).
 *
 * Checks belong to the thread that runs the test: CUnit counts without locks.
 */
#ifndef FLUX_TESTS_UNIT_H
#define FLUX_TESTS_UNIT_H

#include <stddef.h>
#include <CUnit/CUnit.h>

struct unit_test {
	const char *suite;
	const char *name;
	void (*fn)(void);
};

int unit_main(int argc, char **argv, const struct unit_test *tests,
	      size_t count);

#define UNIT_MAIN(tests)                                               \
	int main(int argc, char **argv)                                \
	{                                                              \
		return unit_main(argc, argv, tests,                    \
				 sizeof(tests) / sizeof((tests)[0]));  \
	}

/* The number in a variable of the environment, or another where it is not set
 * or empty; what is none ends the program. */
unsigned long unit_number(const char *name, unsigned long otherwise);

/* n / FLUX_TEST_SCALE, at least 1. */
unsigned long unit_scale(unsigned long n);

/*
 * Marks the running test as skipped and tells why; the caller then returns.
 * A check that failed before still counts as a failure.
 */
void unit_skip(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/*
 * Folders of the sources and of the build: $FLUX_SRCDIR and $FLUX_BUILDDIR,
 * which make check sets, or ".".
 */
const char *unit_srcdir(void);
const char *unit_builddir(void);

/*
 * The path of a file under the source or build folder. The string is one of
 * a few static buffers and lives for the next seven calls.
 */
const char *unit_src(const char *relative);
const char *unit_built(const char *relative);

/* A fresh folder for this program's files, removed when it ends. */
const char *unit_tmpdir(void);

/*
 * Checks that show both values when they differ. The test goes on after any
 * of them; each is non-zero if it held, so a test can stop by itself.
 */
#define UNIT_EQ(got, want)                                             \
	unit_eq_((long long)(got), (long long)(want), #got " == " #want, \
		 __FILE__, __LINE__)
#define UNIT_STR_EQ(got, want)                                         \
	unit_str_eq_((got), (want), #got " == " #want, __FILE__, __LINE__)
#define UNIT_MEM_EQ(got, want, size)                                   \
	unit_mem_eq_((got), (want), (size), #got " == " #want,         \
		     __FILE__, __LINE__)
/* printf-like message, for a row of a table that the check walks. */
#define UNIT_TRUE(cond, ...)                                           \
	unit_true_((cond) != 0, __FILE__, __LINE__, __VA_ARGS__)

int unit_eq_(long long got, long long want, const char *text,
	     const char *file, unsigned line);
int unit_str_eq_(const char *got, const char *want, const char *text,
		 const char *file, unsigned line);
int unit_mem_eq_(const void *got, const void *want, size_t size,
		 const char *text, const char *file, unsigned line);
int unit_true_(int held, const char *file, unsigned line,
	       const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
