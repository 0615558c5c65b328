/* The C interface, from C: three workers and a manager in one process; then what must be refused. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "selmcast/c/selmcast.h"

#define EXPECT(condition, what)                                                                         \
  do {                                                                                                  \
    if (!(condition)) {                                                                                 \
      fprintf(stderr, "%s:%d: %s\n  last error: %s\n", __FILE__, __LINE__, what, selmcast_last_error()); \
      exit(1);                                                                                          \
    }                                                                                                   \
  } while (0)

enum { kWorkers = 3, kElements = 12, kRounds = 2 };
static const int64_t kShape[2] = {5, 2};
static const int64_t kCounterShape[1] = {2};
static const selmcast_tensor kTensors[2] = {{"weight", kShape, 2, SELMCAST_PARAMETER},
                                            {"seen", kCounterShape, 1, SELMCAST_COUNTER}};

static selmcast_worker_options options_for(const char* manager, const char* name) {
  selmcast_worker_options options;
  selmcast_worker_options_init(&options, sizeof options);
  options.manager = manager;
  options.name = name;
  options.tensors = kTensors;
  options.tensor_count = 2;
  return options;
}

static selmcast_manager* start_manager(uint32_t workers) {
  selmcast_manager_options options;
  selmcast_manager_options_init(&options, sizeof options);
  options.workers = workers;
  options.planner = "broadcast";
  selmcast_manager* manager = NULL;
  EXPECT(selmcast_manager_start(&options, &manager) == SELMCAST_OK, "the manager starts");
  EXPECT(strncmp(selmcast_manager_address(manager), "127.0.0.1:", 10) == 0, "it listens on loopback");
  return manager;
}

struct job {
  const char* manager;
  int number;
  selmcast_payload payload;
};

/* Worker k starts with k in every parameter and 10 k in every counter. Broadcast to all: after one round each parameter
 * is the mean (0 + 1 + 2) / 3 = 1 and each counter the greatest, 20; a second round changes neither. Both payloads
 * have these numbers exactly; ten parameters and two counters, which are never rounded, are 12 * 4 bytes, or
 * 10 * 2 + 2 * 4. */
static void* train(void* argument) {
  const struct job* job = argument;
  char name[8];
  snprintf(name, sizeof name, "w%d", job->number);
  selmcast_worker_options options = options_for(job->manager, name);
  options.payload = job->payload;
  options.streams = 1 + job->number; /* each as it likes */
  selmcast_worker* worker = NULL;
  EXPECT(selmcast_worker_connect(&options, &worker) == SELMCAST_OK, "a worker joins");
  EXPECT(selmcast_worker_id(worker) == (uint32_t)job->number, "ids are in order of the names");
  EXPECT(selmcast_worker_count(worker) == kWorkers, "three workers");
  EXPECT(selmcast_worker_payload_bytes(worker) == (job->payload == SELMCAST_FLOAT32 ? 48 : 28), "as it travels");
  selmcast_report report = {.struct_size = sizeof report};
  EXPECT(selmcast_worker_report(worker, &report) == SELMCAST_INVALID_INPUT, "no report before a synchronisation");

  float values[kElements];
  for (int k = 0; k < kElements; ++k) values[k] = k < 10 ? (float)job->number : 10.0F * (float)job->number;
  EXPECT(selmcast_worker_synchronize(worker, values, kElements - 1) == SELMCAST_INVALID_INPUT, "a wrong size");
  for (uint64_t round = 0; round < kRounds; ++round) {
    EXPECT(selmcast_worker_synchronize(worker, values, kElements) == SELMCAST_OK, "a round");
    for (int k = 0; k < kElements; ++k)
      EXPECT(fabsf(values[k] - (k < 10 ? 1.0F : 20.0F)) < 1e-6F, "mean of parameters, greatest of counters");
    EXPECT(selmcast_worker_report(worker, &report) == SELMCAST_OK, "a report");
    EXPECT(report.round == round && report.workers == kWorkers, "of this round");
    EXPECT(report.mixed_with_count == 2 && report.sent_to_count == 2, "all with all");
    EXPECT(report.mixed_with[0] == (job->number == 0 ? 1U : 0U), "ids ascend");
    EXPECT(report.elapsed_seconds > 0 && report.predicted_seconds > 0, "times");
  }
  EXPECT(selmcast_worker_drain(worker, values, kElements) == SELMCAST_OK, "nothing to drain in rounds");
  EXPECT(selmcast_worker_report(worker, &report) == SELMCAST_OK && report.mixed_with_count == 0, "nothing mixed");
  EXPECT(selmcast_worker_drain(NULL, NULL, 0) == SELMCAST_INVALID_INPUT, "no worker");
  selmcast_worker_leave(worker, "done");
  EXPECT(selmcast_worker_synchronize(worker, values, kElements) == SELMCAST_CANCELLED, "it has left");
  selmcast_worker_close(worker);
  return NULL;
}

static void test_three_workers_mix_to_the_mean(selmcast_payload payload) {
  selmcast_manager* manager = start_manager(kWorkers);
  pthread_t threads[kWorkers];
  struct job jobs[kWorkers];
  for (int k = 0; k < kWorkers; ++k) {
    jobs[k] = (struct job){selmcast_manager_address(manager), k, payload};
    EXPECT(pthread_create(&threads[k], NULL, train, &jobs[k]) == 0, "a thread");
  }
  for (int k = 0; k < kWorkers; ++k) pthread_join(threads[k], NULL);
  EXPECT(selmcast_manager_wait(manager, 60) == SELMCAST_OK, "all have left: the training is over");
  EXPECT(selmcast_manager_running(manager) == 0, "and the manager knows");
  selmcast_manager_close(manager);
}

static void* cancel_it(void* cancel) {
  selmcast_cancel_now(cancel);
  return NULL;
}

/* Alone in a training of two: nobody else will come, and the join timeout is a minute away. */
static void test_a_connect_that_waits_for_others_can_be_cancelled(void) {
  selmcast_manager* manager = start_manager(2);
  EXPECT(selmcast_manager_wait(manager, 0) == SELMCAST_TIMEOUT, "it waits for workers");
  EXPECT(selmcast_manager_running(manager) == 1, "and runs");
  selmcast_worker_options options = options_for(selmcast_manager_address(manager), "w0");
  options.cancel = selmcast_cancel_new();
  pthread_t canceller;
  EXPECT(pthread_create(&canceller, NULL, cancel_it, options.cancel) == 0, "a thread");
  selmcast_worker* worker = NULL;
  EXPECT(selmcast_worker_connect(&options, &worker) == SELMCAST_CANCELLED && worker == NULL, "cancelled");
  pthread_join(canceller, NULL);
  selmcast_cancel_free(options.cancel);
  selmcast_manager_stop(manager, "enough");
  EXPECT(selmcast_manager_wait(manager, 60) == SELMCAST_CANCELLED, "it was stopped");
  EXPECT(strstr(selmcast_last_error(), "enough") != NULL, "and says why");
  selmcast_manager_close(manager);
}

static void test_misuse_is_an_error_with_a_text(void) {
  selmcast_worker* worker = NULL;
  EXPECT(selmcast_worker_connect(NULL, &worker) == SELMCAST_INVALID_INPUT, "no options");
  selmcast_worker_options options = options_for(NULL, "w0");
  EXPECT(selmcast_worker_connect(&options, &worker) == SELMCAST_INVALID_INPUT, "no manager");
  EXPECT(strstr(selmcast_last_error(), "host:port") != NULL, "the remedy is named");
  options = options_for("127.0.0.1:1", "w0");
  options.mixing = 7;
  EXPECT(selmcast_worker_connect(&options, &worker) == SELMCAST_INVALID_INPUT, "no such mixing");
  options = options_for("127.0.0.1:1", "w0");
  options.payload = 4;
  EXPECT(selmcast_worker_connect(&options, &worker) == SELMCAST_INVALID_INPUT, "no such payload");
  options = options_for("127.0.0.1:1", "w0");
  options.connect_timeout_seconds = 0.2;
  const selmcast_code nobody = selmcast_worker_connect(&options, &worker);
  EXPECT(nobody == SELMCAST_UNAVAILABLE || nobody == SELMCAST_TIMEOUT, "nobody listens on port 1");
  EXPECT(selmcast_worker_synchronize(NULL, NULL, 0) == SELMCAST_INVALID_INPUT, "no worker");

  selmcast_manager_options wrong;
  selmcast_manager_options_init(&wrong, sizeof wrong);
  wrong.sync = "sometimes";
  selmcast_manager* manager = NULL;
  EXPECT(selmcast_manager_start(&wrong, &manager) == SELMCAST_INVALID_INPUT && manager == NULL, "no such sync");
  EXPECT(strstr(selmcast_last_error(), "bsp, ssp and asp") != NULL, "those there are");
  selmcast_worker_close(NULL);
  selmcast_manager_close(NULL);
}

/* A caller compiled with an older header knows fewer fields: the rest gets its defaults, beyond its size nothing is
 * written. */
static void test_structs_of_another_size_are_understood(void) {
  selmcast_manager_options options;
  memset(&options, 0x5a, sizeof options);
  const size_t known = offsetof(selmcast_manager_options, sync);
  selmcast_manager_options_init(&options, known);
  EXPECT(options.struct_size == known && options.workers == 1, "what it knows has its default");
  EXPECT((uintptr_t)options.sync == (uintptr_t)0x5a5a5a5a5a5a5a5aULL, "what it does not know is not written");
  selmcast_manager* manager = NULL;
  EXPECT(selmcast_manager_start(&options, &manager) == SELMCAST_OK, "and is not read");
  selmcast_manager_close(manager);
  EXPECT(selmcast_api_version() == SELMCAST_API_VERSION && strlen(selmcast_version()) > 0, "versions");
  EXPECT(strcmp(selmcast_code_name(SELMCAST_TIMEOUT), "timeout") == 0, "names of codes");
}

int main(void) {
  test_three_workers_mix_to_the_mean(SELMCAST_FLOAT32);
  test_three_workers_mix_to_the_mean(SELMCAST_BFLOAT16);
  test_a_connect_that_waits_for_others_can_be_cancelled();
  test_misuse_is_an_error_with_a_text();
  test_structs_of_another_size_are_understood();
  puts("c_api_test: all passed");
  return 0;
}
