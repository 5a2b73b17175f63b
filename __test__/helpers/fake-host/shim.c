/*
 * Preloaded into hv_kvp_daemon so that it runs without Hyper-V: its device becomes a socket of the fake
 * host, /var/lib/hyperv becomes a folder of the test, and its syslog becomes stderr.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#define DEVICE "/dev/vmbus/hv_kvp"
#define POOLS "/var/lib/hyperv"

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static const char *redirect(const char *path)
{
	static char moved[PATH_MAX];
	const size_t length = strlen(POOLS);

	if (strncmp(path, POOLS, length) != 0 || (path[length] != '/' && path[length] != '\0'))
		return path;
	snprintf(moved, sizeof(moved), "%s%s", getenv("FAKE_HOST_POOLS"), path + length);
	return moved;
}

/*
 * The daemon opens its device again when the host goes away. It then finds no device and exits, so that it
 * never outlives its host.
 */
static int open_device(void)
{
	static bool opened;

	if (opened) {
		errno = ENODEV;
		return -1;
	}
	opened = true;
	return atoi(getenv("FAKE_HOST_SOCKET"));
}

static int open_path(const char *path, int flags, mode_t mode)
{
	if (strcmp(path, DEVICE) == 0)
		return open_device();
	return REAL(open)(redirect(path), flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode = 0;

	if (flags & O_CREAT) {
		va_start(arguments, flags);
		mode = va_arg(arguments, mode_t);
		va_end(arguments);
	}
	return open_path(path, flags, mode);
}

/* What a fortified build calls instead when there is no mode. */
int __open_2(const char *path, int flags)
{
	return open_path(path, flags, 0);
}

FILE *fopen(const char *path, const char *mode)
{
	return REAL(fopen)(redirect(path), mode);
}

/* A pool is far too small for the difference to matter. */
int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int __open64_2(const char *path, int flags) __attribute__((alias("__open_2")));
FILE *fopen64(const char *path, const char *mode) __attribute__((alias("fopen")));

int access(const char *path, int mode)
{
	return REAL(access)(redirect(path), mode);
}

int mkdir(const char *path, mode_t mode)
{
	return REAL(mkdir)(redirect(path), mode);
}

/* The daemon asks for its full domain name at start, which may wait for a name server. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
	(void)node, (void)service, (void)hints, (void)result;
	return EAI_NONAME;
}

static void complain(int priority, const char *format, va_list arguments)
{
	if (LOG_PRI(priority) > LOG_ERR)
		return;
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
}

void syslog(int priority, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain(priority, format, arguments);
	va_end(arguments);
}

void __syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list arguments;

	(void)flag;
	va_start(arguments, format);
	complain(priority, format, arguments);
	va_end(arguments);
}
