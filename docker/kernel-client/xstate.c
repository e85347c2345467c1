/*
 * User Mode Linux and processors with AMX: preloaded into it, so that it boots there.
 *
 * It keeps the floating-point state of its processes in a buffer of a size that was fixed when it was built, and moves it by
 * PTRACE_GETREGSET and PTRACE_SETREGSET with NT_X86_XSTATE. The host's kernel takes the whole state only, which with the tiles of
 * AMX is larger: "ptrace set fp regs failed". Here the rest, which a guest without AMX never uses, is put behind what it has.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

/* XSAVE area in its standard format (Intel SDM volume 1, 13.4): header behind the 512 bytes of FXSAVE. */
#define XSTATE_BV 512
#define HEADER_END 576
/* Where the first state of AMX begins, and the bits of both. */
#define AMX_OFFSET 2752
#define AMX_BITS (3ull << 17)

static __thread unsigned char whole[64 << 10];

static long host(long request, pid_t pid, void *address, void *data) {
  static long (*real)(long, pid_t, void *, void *);
  if (!real)
    real = (long (*)(long, pid_t, void *, void *))dlsym(RTLD_NEXT, "ptrace");
  return real(request, pid, address, data);
}

long ptrace(enum __ptrace_request request, ...) {
  va_list rest;
  va_start(rest, request);
  pid_t pid = va_arg(rest, pid_t);
  void *address = va_arg(rest, void *);
  void *data = va_arg(rest, void *);
  va_end(rest);
  if ((request != PTRACE_GETREGSET && request != PTRACE_SETREGSET) || (uintptr_t)address != NT_X86_XSTATE)
    return host(request, pid, address, data);

  struct iovec *asked = data;
  struct iovec all = {whole, sizeof whole};
  long result = host(PTRACE_GETREGSET, pid, address, &all);
  if (result != 0)
    return result;
  size_t part = asked->iov_len < all.iov_len ? asked->iov_len : all.iov_len;
  if (request == PTRACE_GETREGSET) {
    memcpy(asked->iov_base, whole, part);
    asked->iov_len = part;
    return 0;
  }
  memcpy(whole, asked->iov_base, part);
  if (part >= HEADER_END && part < AMX_OFFSET) {
    uint64_t present;
    memcpy(&present, whole + XSTATE_BV, sizeof present);
    present &= ~AMX_BITS;
    memcpy(whole + XSTATE_BV, &present, sizeof present);
  }
  return host(PTRACE_SETREGSET, pid, address, &all);
}
