/*
 * Plays the Hyper-V host and the guest's kernel to a real hv_kvp_daemon.
 *
 *     host DAEMON SHIM POOL_FOLDER
 *
 * Prints "ready" once the daemon has registered, then answers the commands on stdin:
 *
 *     enumerate POOL [FIRST MOST] {"key":HEX,"value":HEX} for each record, then {"end":STATUS}
 *     set POOL KEYHEX VALUEHEX    {"end":STATUS}
 *     delete POOL KEYHEX          {"end":STATUS}
 *
 * A command that makes no sense is answered with {"error":TEXT}. Ends, and the daemon with it, as soon as
 * stdin does. If the daemon dies first, prints {"died":TEXT} and exits with 1.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/hyperv.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* What drivers/hv/hv_kvp.c has: HV_DRV_VERSION and HV_UTIL_TIMEOUT. */
#define DRIVER_VERSION "3.1"
#define ANSWER_TIMEOUT_MS (30 * 1000)

static pid_t daemon_pid;
static int channel;
static unsigned int late_answers;

static void end_with_daemon(int status)
{
	kill(daemon_pid, SIGKILL);
	waitpid(daemon_pid, NULL, 0);
	exit(status);
}

static void report_death(void)
{
	int status;

	waitpid(daemon_pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("{\"died\":\"signal %d\"}\n", WTERMSIG(status));
	else
		printf("{\"died\":\"exit status %d\"}\n", WEXITSTATUS(status));
	exit(1);
}

static void start_daemon(const char *path, const char *shim, const char *pools)
{
	int ends[2];
	char number[16];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0 || (daemon_pid = fork()) < 0) {
		perror("cannot start the daemon");
		exit(1);
	}
	if (daemon_pid > 0) {
		close(ends[1]);
		channel = ends[0];
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fcntl(ends[1], F_SETFD, 0);
	snprintf(number, sizeof(number), "%d", ends[1]);
	setenv("FAKE_HOST_SOCKET", number, 1);
	setenv("FAKE_HOST_POOLS", pools, 1);
	setenv("LD_PRELOAD", shim, 1);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	execl(path, path, "-n", NULL);
	perror(path);
	_exit(127);
}

static void receive(struct hv_kvp_msg *message)
{
	const ssize_t length = recv(channel, message, sizeof(*message), MSG_TRUNC);

	if (length == sizeof(*message))
		return;
	if (length > 0) {
		fprintf(stderr, "the daemon sent %zd bytes instead of %zu\n", length, sizeof(*message));
		kill(daemon_pid, SIGKILL);
	}
	report_death();
}

/* False when the daemon takes longer than the kernel waits. Ends when stdin does: nobody waits any more. */
static bool receive_in_time(struct hv_kvp_msg *message)
{
	struct pollfd sources[] = { { .fd = channel, .events = POLLIN },
				    { .fd = STDIN_FILENO, .events = POLLRDHUP } };

	if (poll(sources, 2, ANSWER_TIMEOUT_MS) == 0)
		return false;
	if (!sources[0].revents)
		end_with_daemon(0);
	receive(message);
	return true;
}

static void register_daemon(void)
{
	struct hv_kvp_msg message;

	if (!receive_in_time(&message) || message.kvp_hdr.operation != KVP_OP_REGISTER1) {
		fprintf(stderr, "the daemon did not register\n");
		end_with_daemon(1);
	}
	memset(&message, 0, sizeof(message));
	message.kvp_hdr.operation = KVP_OP_REGISTER1;
	strcpy((char *)message.body.kvp_register.version, DRIVER_VERSION);
	send(channel, &message, sizeof(message), 0);
}

/* Turns a request into its answer and returns the status. An answer that comes too late belongs to nobody. */
static __u32 ask(struct hv_kvp_msg *message)
{
	send(channel, message, sizeof(*message), 0);
	for (;;) {
		if (!receive_in_time(message)) {
			late_answers++;
			return HV_E_FAIL;
		}
		if (late_answers == 0)
			return message->error;
		late_answers--;
	}
}

static void print_hex(const __u8 *text, size_t room)
{
	for (size_t i = 0; i < room && text[i] != 0; i++)
		printf("%02x", text[i]);
}

/* Returns the size, which counts the NUL as the kernel does; 0 if the text is no hex or does not fit. */
static __u32 parse_hex(const char *hex, __u8 *text, size_t room)
{
	const size_t length = strlen(hex);

	if (length % 2 != 0 || length / 2 >= room || strspn(hex, "0123456789abcdef") != length)
		return 0;
	for (size_t i = 0; i < length / 2; i++)
		sscanf(hex + 2 * i, "%2hhx", &text[i]);
	text[length / 2] = 0;
	return length / 2 + 1;
}

static __u32 enumerate(unsigned int pool, __u32 first, __u32 most)
{
	for (__u32 index = first; index - first < most; index++) {
		struct hv_kvp_msg message = { .kvp_hdr = { .operation = KVP_OP_ENUMERATE, .pool = pool } };
		const struct hv_kvp_exchg_msg_value *record = &message.body.kvp_enum_data.data;

		message.body.kvp_enum_data.index = index;
		const __u32 status = ask(&message);
		if (status != HV_S_OK)
			return status;
		printf("{\"key\":\"");
		print_hex(record->key, sizeof(record->key));
		printf("\",\"value\":\"");
		print_hex(record->value, sizeof(record->value));
		printf("\"}\n");
	}
	return HV_S_OK;
}

static bool set(unsigned int pool, const char *key, const char *value, __u32 *status)
{
	struct hv_kvp_msg message = { .kvp_hdr = { .operation = KVP_OP_SET, .pool = pool } };
	struct hv_kvp_exchg_msg_value *record = &message.body.kvp_set.data;

	record->value_type = REG_SZ;
	record->key_size = parse_hex(key, record->key, sizeof(record->key));
	record->value_size = parse_hex(value, record->value, sizeof(record->value));
	if (record->key_size == 0 || record->value_size == 0)
		return false;
	*status = ask(&message);
	return true;
}

static bool delete(unsigned int pool, const char *key, __u32 *status)
{
	struct hv_kvp_msg message = { .kvp_hdr = { .operation = KVP_OP_DELETE, .pool = pool } };

	message.body.kvp_delete.key_size = parse_hex(key, message.body.kvp_delete.key, HV_KVP_EXCHANGE_MAX_KEY_SIZE);
	if (message.body.kvp_delete.key_size == 0)
		return false;
	*status = ask(&message);
	return true;
}

static void answer(const char *line)
{
	char verb[16] = "", key[1025] = "", value[4097] = "";
	unsigned int pool = KVP_POOL_COUNT;
	__u32 status;

	sscanf(line, "%15s %u %1024s %4096s", verb, &pool, key, value);
	if (pool >= KVP_POOL_COUNT) {
		printf("{\"error\":\"no such pool\"}\n");
	} else if (strcmp(verb, "enumerate") == 0) {
		status = enumerate(pool, strtoul(key, NULL, 10), *value ? strtoul(value, NULL, 10) : UINT32_MAX);
		printf("{\"end\":%u}\n", status);
	} else if ((strcmp(verb, "set") == 0 && set(pool, key, value, &status)) ||
		   (strcmp(verb, "delete") == 0 && delete(pool, key, &status))) {
		printf("{\"end\":%u}\n", status);
	} else {
		printf("{\"error\":\"no such command, or too long a key or value\"}\n");
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct hv_kvp_msg late_answer;
	char *line = NULL;
	size_t room = 0;

	if (argc != 4) {
		fprintf(stderr, "usage: %s DAEMON SHIM POOL_FOLDER\n", argv[0]);
		return 2;
	}
	start_daemon(argv[1], argv[2], argv[3]);
	signal(SIGPIPE, SIG_IGN);
	register_daemon();
	puts("ready");
	fflush(stdout);

	/* poll() knows nothing of what stdio has read ahead. */
	setvbuf(stdin, NULL, _IONBF, 0);
	for (;;) {
		struct pollfd sources[] = { { .fd = channel, .events = POLLIN },
					    { .fd = STDIN_FILENO, .events = POLLIN } };

		poll(sources, 2, -1);
		if (sources[0].revents) {
			receive(&late_answer);
			if (late_answers > 0)
				late_answers--;
		} else if (getline(&line, &room, stdin) < 0) {
			end_with_daemon(0);
		} else {
			answer(line);
		}
	}
}
