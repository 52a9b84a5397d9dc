/* SPDX-License-Identifier: Apache-2.0 */
/*
 * round_trip serve PORT: returns each byte that comes over TCP, to one client after the other.
 * round_trip ADDRESS PORT SECONDS: sends a byte and waits until it is back, for so long; says how often, and the mean in microseconds.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int without_delay(int connection)
{
	const int on = 1;

	if (setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
		fail("TCP_NODELAY");
	return connection;
}

static struct sockaddr_in named(const char *address, const char *port)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port)) };

	if (inet_pton(AF_INET, address, &name.sin_addr) != 1) {
		fprintf(stderr, "%s: an IPv4 address is expected\n", address);
		exit(2);
	}
	return name;
}

static int opened(void)
{
	const int end = socket(AF_INET, SOCK_STREAM, 0);

	if (end < 0)
		fail("socket");
	return end;
}

static _Noreturn void serve(const char *port)
{
	const struct sockaddr_in name = named("0.0.0.0", port);
	const int end = opened();
	char byte;

	if (bind(end, (const struct sockaddr *)&name, sizeof(name)) != 0 || listen(end, 1) != 0)
		fail("listen");
	for (;;) {
		int connection = accept(end, NULL, NULL);

		if (connection < 0)
			fail("accept");
		without_delay(connection);
		while (read(connection, &byte, 1) == 1 && write(connection, &byte, 1) == 1)
			;
		close(connection);
	}
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int count, char **words)
{
	if (count == 3 && strcmp(words[1], "serve") == 0)
		serve(words[2]);
	if (count != 4) {
		fprintf(stderr, "usage: round_trip serve PORT | round_trip ADDRESS PORT SECONDS\n");
		return 2;
	}
	const struct sockaddr_in name = named(words[1], words[2]);
	const double seconds = atof(words[3]);
	const int connection = without_delay(opened());

	if (connect(connection, (const struct sockaddr *)&name, sizeof(name)) != 0)
		fail("connect");
	const double began = now();
	unsigned long trips = 0;
	double taken = 0;
	char byte = 0;

	for (; taken < seconds; taken = now() - began, trips++)
		if (write(connection, &byte, 1) != 1 || read(connection, &byte, 1) != 1)
			fail("round trip");
	printf("round trips: %lu, %.0f us each\n", trips, taken * 1e6 / (double)(trips ? trips : 1));
	return 0;
}
