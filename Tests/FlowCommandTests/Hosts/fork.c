/* Calls a compiled flow, forks, and calls it in the child and in the parent. */
#include "host.h"

#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **arguments) {
  if (count != 2)
    stop("usage: fork LIBRARY");
  flow f = load(arguments[1]);
  for (int i = 0; i < 20; i++) {
    if (!call(f, ROWS))
      stop("a call before the fork failed");
    const pid_t child = fork();
    if (child < 0)
      stop("no child");
    if (child == 0) {
      alarm(60); /* a child that waits for threads that it has not would hang */
      _exit(!call(f, ROWS));
    }
    if (!call(f, ROWS))
      stop("a call after the fork failed");
    int status = 0;
    if (waitpid(child, &status, 0) != child || status != 0)
      stop("a call in the child failed");
  }
  return 0;
}
