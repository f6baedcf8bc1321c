/*
 * unit.c - runs the table of a test program through CUnit.
 */
#include "tests/unit.h"

#include <CUnit/Basic.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	EXIT_ALL_SKIPPED = 77,	/* automake's words for the outcome */
	EXIT_BROKEN_RIG = 99,
	PATH_BUFFERS = 8,
	PATH_SIZE = 4096,
	MESSAGE_SIZE = 1024,
	TIMEOUT_S = 300
};

static struct {
	int skipped;			/* the running test said so */
	unsigned skips;			/* tests that ended skipped */
	unsigned timeout_s;
	char tmpdir[PATH_SIZE];
} unit;

unsigned long unit_number(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);
	char *end;
	unsigned long n;

	if (!text || !*text)
		return otherwise;
	n = strtoul(text, &end, 10);
	if (*end || *text == '-') {
		fprintf(stderr, "%s=%s is not a number\n", name, text);
		exit(EXIT_BROKEN_RIG);
	}
	return n;
}

unsigned long unit_scale(unsigned long n)
{
	unsigned long by = unit_number("FLUX_TEST_SCALE", 1);

	if (by > 1)
		n /= by;
	return n ? n : 1;
}

void unit_skip(const char *format, ...)
{
	va_list ap;

	printf("\n    skipped: ");
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	fflush(stdout);
	unit.skipped = 1;
}

const char *unit_srcdir(void)
{
	const char *dir = getenv("FLUX_SRCDIR");

	return dir && *dir ? dir : ".";
}

const char *unit_builddir(void)
{
	const char *dir = getenv("FLUX_BUILDDIR");

	return dir && *dir ? dir : ".";
}

static const char *join(const char *dir, const char *relative)
{
	static char ring[PATH_BUFFERS][PATH_SIZE];
	static unsigned next;
	char *path = ring[next++ % PATH_BUFFERS];
	int n = snprintf(path, PATH_SIZE, "%s/%s", dir, relative);

	if (n < 0 || n >= PATH_SIZE) {
		fprintf(stderr, "path too long: %s/%s\n", dir, relative);
		exit(EXIT_BROKEN_RIG);
	}
	return path;
}

const char *unit_src(const char *relative)
{
	return join(unit_srcdir(), relative);
}

const char *unit_built(const char *relative)
{
	return join(unit_builddir(), relative);
}

const char *unit_tmpdir(void)
{
	const char *base = getenv("TMPDIR");

	if (unit.tmpdir[0])
		return unit.tmpdir;
	snprintf(unit.tmpdir, sizeof unit.tmpdir, "%s/flux-test-XXXXXX",
		 base && *base ? base : "/tmp");
	if (!mkdtemp(unit.tmpdir)) {
		perror(unit.tmpdir);
		exit(EXIT_BROKEN_RIG);
	}
	return unit.tmpdir;
}

static void remove_tmpdir(void)
{
	char command[PATH_SIZE + 32];

	if (!unit.tmpdir[0])
		return;
	snprintf(command, sizeof command, "rm -rf -- '%s'", unit.tmpdir);
	if (system(command) != 0)
		fprintf(stderr, "left behind: %s\n", unit.tmpdir);
}

/* ------------------------------------------------------------ checks -- */

static int report(int held, const char *message, const char *file,
		  unsigned line)
{
	/* CUnit keeps a copy of the strings. */
	CU_assertImplementation(held ? CU_TRUE : CU_FALSE, line, message,
				file, "", CU_FALSE);
	return held;
}

int unit_true_(int held, const char *file, unsigned line,
	       const char *format, ...)
{
	char message[MESSAGE_SIZE];
	va_list ap;

	if (held)
		return report(1, "", file, line);
	va_start(ap, format);
	vsnprintf(message, sizeof message, format, ap);
	va_end(ap);
	return report(0, message, file, line);
}

int unit_eq_(long long got, long long want, const char *text,
	     const char *file, unsigned line)
{
	return unit_true_(got == want, file, line, "%s: %lld, not %lld",
			  text, got, want);
}

int unit_str_eq_(const char *got, const char *want, const char *text,
		 const char *file, unsigned line)
{
	int same = got == want || (got && want && strcmp(got, want) == 0);

	return unit_true_(same, file, line, "%s: \"%s\", not \"%s\"", text,
			  got ? got : "(null)", want ? want : "(null)");
}

int unit_mem_eq_(const void *got, const void *want, size_t size,
		 const char *text, const char *file, unsigned line)
{
	const unsigned char *a = got, *b = want;
	size_t i = 0;

	while (i < size && a[i] == b[i])
		i++;
	if (i == size)
		return report(1, "", file, line);
	return unit_true_(0, file, line, "%s: byte %zu of %zu: %02x, not %02x",
			  text, i, size, a[i], b[i]);
}

/* ------------------------------------------------------------ running -- */

static void hung(int sig)
{
	static const char text[] = "\n  hung; FLUX_TEST_TIMEOUT is over\n";
	ssize_t ignored = write(STDOUT_FILENO, text, sizeof text - 1);

	(void)sig;
	(void)ignored;
	_exit(1);
}

static void test_starts(const CU_pTest test, const CU_pSuite suite)
{
	printf("  %s/%s ...", suite->pName, test->pName);
	fflush(stdout);
	unit.skipped = 0;
	alarm(unit.timeout_s);
}

static void test_ends(const CU_pTest test, const CU_pSuite suite,
		      const CU_pFailureRecord failure)
{
	CU_pFailureRecord f;

	(void)test;
	(void)suite;
	alarm(0);
	if (!failure) {
		unit.skips += unit.skipped != 0;
		printf(unit.skipped ? "\n" : " passed\n");
		return;
	}
	printf(" FAILED\n");
	for (f = failure; f; f = f->pNext)
		printf("    %s:%u: %s\n", f->strFileName ? f->strFileName : "",
		       f->uiLineNumber, f->strCondition ? f->strCondition : "");
}

static int named(const struct unit_test *test, int argc, char **argv)
{
	size_t n = strlen(test->suite);

	if (argc < 2)
		return 1;
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], test->suite, n) != 0)
			continue;
		if (argv[i][n] == '\0')
			return 1;
		if (argv[i][n] == '/' &&
		    strcmp(argv[i] + n + 1, test->name) == 0)
			return 1;
	}
	return 0;
}

static unsigned add_tests(int argc, char **argv, const struct unit_test *tests,
			  size_t count)
{
	CU_pSuite suite = NULL;
	unsigned added = 0;

	for (size_t i = 0; i < count; i++) {
		const struct unit_test *t = &tests[i];

		if (!named(t, argc, argv))
			continue;
		if (!suite || strcmp(suite->pName, t->suite) != 0)
			suite = CU_add_suite(t->suite, NULL, NULL);
		if (!suite || !CU_add_test(suite, t->name, t->fn)) {
			fprintf(stderr, "%s/%s: %s\n", t->suite, t->name,
				CU_get_error_msg());
			exit(EXIT_BROKEN_RIG);
		}
		added++;
	}
	return added;
}

static int summarise(void)
{
	unsigned run = CU_get_number_of_tests_run();
	unsigned failed = CU_get_number_of_tests_failed();
	unsigned passed = run - failed - unit.skips;

	printf("\n");
	CU_print_run_results(stdout);
	printf("\ntests: %u passed, %u failed, %u skipped\n", passed, failed,
	       unit.skips);
	if (failed)
		return 1;
	return passed ? 0 : EXIT_ALL_SKIPPED;
}

int unit_main(int argc, char **argv, const struct unit_test *tests,
	      size_t count)
{
	int status;

	/* Output of a test that crashes must not be lost in a buffer. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	unit.timeout_s = (unsigned)unit_number("FLUX_TEST_TIMEOUT", TIMEOUT_S);
	signal(SIGALRM, hung);
	if (CU_initialize_registry() != CUE_SUCCESS)
		return EXIT_BROKEN_RIG;
	if (add_tests(argc, argv, tests, count) == 0) {
		fprintf(stderr, "%s: no test of that name; there are\n",
			argv[0]);
		for (size_t i = 0; i < count; i++)
			fprintf(stderr, "  %s/%s\n", tests[i].suite,
				tests[i].name);
		return EXIT_BROKEN_RIG;
	}
	CU_set_test_start_handler(test_starts);
	CU_set_test_complete_handler(test_ends);
	CU_set_error_action(CUEA_IGNORE);
	CU_run_all_tests();
	status = summarise();
	CU_cleanup_registry();
	remove_tmpdir();
	return status;
}
