/* SPDX-License-Identifier: Apache-2.0 */
/*
 * on_terminal TEXT COMMAND...: runs the command on a terminal of its own, types the text there, prints what the terminal shows, and exits with
 * the command's status.
 */
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **words)
{
	char shown[4096];
	int terminal, status;
	ssize_t length;
	pid_t child;

	if (count < 3) {
		fprintf(stderr, "usage: %s TEXT COMMAND...\n", words[0]);
		return 2;
	}
	child = forkpty(&terminal, NULL, NULL, NULL);
	if (child == 0) {
		execvp(words[2], words + 2);
		_exit(127);
	}
	if (child < 0 || write(terminal, words[1], strlen(words[1])) < 0) {
		perror(words[0]);
		return 1;
	}
	while ((length = read(terminal, shown, sizeof(shown))) > 0) {
		fwrite(shown, 1, (size_t)length, stdout);
		fflush(stdout);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
