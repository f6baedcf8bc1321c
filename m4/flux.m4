dnl flux.m4: the project's own configure macros.

dnl FLUX_CHECK_CFLAGS(VARIABLE, FLAGS)
dnl Appends to VARIABLE each flag the compiler takes. Warnings are made errors
dnl for the probe, since clang only warns about a flag it does not know.
AC_DEFUN([FLUX_CHECK_CFLAGS], [
  flux_save_CFLAGS="$CFLAGS"
  for flux_flag in m4_normalize([$2]); do
    AC_MSG_CHECKING([whether $CC takes $flux_flag])
    CFLAGS="$flux_save_CFLAGS -Werror $flux_flag"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
      [AC_MSG_RESULT([yes])
       $1="$$1 $flux_flag"],
      [AC_MSG_RESULT([no])])
  done
  CFLAGS="$flux_save_CFLAGS"
])

dnl FLUX_ARG_SANITIZERS
dnl --enable-asan and --enable-tsan exclude each other: their run times cannot
dnl share a process. Sets flux_sanitizers to a word for the summary.
AC_DEFUN([FLUX_ARG_SANITIZERS], [
  AC_ARG_ENABLE([asan],
    [AS_HELP_STRING([--enable-asan],
      [build with the address and undefined-behaviour sanitizers])],
    [], [enable_asan=no])
  AC_ARG_ENABLE([tsan],
    [AS_HELP_STRING([--enable-tsan],
      [build with the thread sanitizer])],
    [], [enable_tsan=no])
  flux_sanitizers=no
  AS_CASE([$enable_asan,$enable_tsan],
    [no,no], [],
    [yes,no], [flux_sanitizers=address,undefined],
    [no,yes], [flux_sanitizers=thread],
    [AC_MSG_ERROR([--enable-asan and --enable-tsan exclude each other])])
  AS_IF([test "x$flux_sanitizers" != xno], [
    flux_san_flags="-fsanitize=$flux_sanitizers"
    AS_IF([test "x$enable_asan" = xyes], [
      dnl Undefined behaviour must end the test, not print a line nobody reads.
      flux_san_flags="$flux_san_flags -fno-sanitize-recover=undefined"
    ])
    FLUX_CFLAGS="$FLUX_CFLAGS $flux_san_flags -fno-omit-frame-pointer"
    FLUX_LDFLAGS="$FLUX_LDFLAGS $flux_san_flags"
    AC_MSG_CHECKING([whether a program links with $flux_san_flags])
    flux_save_CFLAGS="$CFLAGS"
    CFLAGS="$CFLAGS $flux_san_flags"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
      [AC_MSG_RESULT([yes])],
      [AC_MSG_RESULT([no])
       AC_MSG_ERROR([the compiler's sanitizer libraries are missing])])
    CFLAGS="$flux_save_CFLAGS"
  ])
])

dnl FLUX_ARG_COVERAGE
AC_DEFUN([FLUX_ARG_COVERAGE], [
  AC_ARG_ENABLE([coverage],
    [AS_HELP_STRING([--enable-coverage], [instrument for gcov])],
    [], [enable_coverage=no])
  AS_IF([test "x$enable_coverage" = xyes], [
    FLUX_CFLAGS="$FLUX_CFLAGS --coverage"
    FLUX_LDFLAGS="$FLUX_LDFLAGS --coverage"
  ])
])

dnl FLUX_ARG_CUDA
dnl Looks for nvcc; nothing needs it. Order: NVCC given by the user, the folder
dnl of --with-cuda, PATH, CUDA_HOME, the usual folder. A folder that was named
dnl and has no working nvcc is an error, a guess that fails is not.
AC_DEFUN([FLUX_ARG_CUDA], [
  AC_ARG_WITH([cuda],
    [AS_HELP_STRING([--with-cuda=DIR],
      [CUDA toolkit for the kernels, "auto" or "no" (auto)])],
    [], [with_cuda=auto])
  AC_ARG_VAR([NVCC], [CUDA compiler])
  AS_CASE([$with_cuda],
    [no], [NVCC=],
    [yes|auto], [
      AS_IF([test -z "$NVCC"], [
        AC_PATH_PROG([NVCC], [nvcc], [],
          [$PATH$PATH_SEPARATOR$CUDA_HOME/bin:/usr/local/cuda/bin])
      ])
    ],
    [NVCC="$with_cuda/bin/nvcc"])
  AS_IF([test -n "$NVCC"], [
    AC_MSG_CHECKING([whether $NVCC compiles a kernel])
    echo '__global__ void k(int *p) { *p = 1; }' > conftest.cu
    AS_IF([AC_TRY_COMMAND(
        [$NVCC -c -o conftest.o conftest.cu >&AS_MESSAGE_LOG_FD 2>&1])],
      [AC_MSG_RESULT([yes])],
      [AC_MSG_RESULT([no])
       NVCC=])
    rm -f conftest.cu conftest.o
  ])
  AS_IF([test -z "$NVCC"], [
    AS_CASE([$with_cuda], [no|auto], [],
      [AC_MSG_ERROR([--with-cuda=$with_cuda: no working nvcc there])])
  ])
  dnl The targets we ship an image for, as far as this compiler can build them.
  FLUX_CUDA_TARGETS=
  AS_IF([test -n "$NVCC"], [
    AC_MSG_CHECKING([for the targets of $NVCC])
    flux_codes=" `$NVCC --list-gpu-code 2>&AS_MESSAGE_LOG_FD | tr '\n' ' '`"
    for flux_target in 75 80 86 87 89 90 100 120; do
      AS_CASE([$flux_codes],
        [*" sm_$flux_target "*],
        [FLUX_CUDA_TARGETS="$FLUX_CUDA_TARGETS $flux_target"])
    done
    AC_MSG_RESULT([$FLUX_CUDA_TARGETS])
  ])
  dnl A dispatch by a table, where the compiler can be told to make one; its own
  dnl way is a tree of comparisons.
  NVCC_JUMPS=
  AS_IF([test -n "$NVCC"], [
    AC_MSG_CHECKING([whether $NVCC makes jump tables])
    echo '__global__ void k(int *p) { *p = 1; }' > conftest.cu
    AS_IF([AC_TRY_COMMAND([$NVCC --jump-table-density 10 -ptx -o conftest.ptx
        conftest.cu >&AS_MESSAGE_LOG_FD 2>&1])],
      [AC_MSG_RESULT([yes])
       NVCC_JUMPS='--jump-table-density 10'],
      [AC_MSG_RESULT([no])])
    rm -f conftest.cu conftest.ptx
  ])
  AC_SUBST([NVCC_JUMPS])
  AC_SUBST([FLUX_CUDA_TARGETS])
  AM_CONDITIONAL([HAVE_NVCC], [test -n "$NVCC"])
])
