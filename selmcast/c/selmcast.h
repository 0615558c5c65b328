/* The stable C interface of SelMcast: take part in a training with selective multicast from any language.
 *
 *     selmcast_worker_options options;
 *     selmcast_worker_options_init(&options, sizeof options);
 *     options.manager = "127.0.0.1:7070";
 *     options.name = "w3";
 *     options.tensors = tensors;            // what the parameters are: names and shapes, the same on all workers
 *     options.tensor_count = 2;
 *     selmcast_worker* worker = NULL;
 *     if (selmcast_worker_connect(&options, &worker) != SELMCAST_OK) return complain(selmcast_last_error());
 *     for (...) {
 *       train_some_steps(parameters);                                               // yours
 *       if (selmcast_worker_synchronize(worker, parameters, count) != SELMCAST_OK)  // blocks; now they are mixed
 *         return complain(selmcast_last_error());
 *     }
 *     selmcast_worker_drain(worker, parameters, count);                             // with overlap: the last one
 *     selmcast_worker_close(worker);
 *
 * What a synchronisation does, and what it promises, is said in selmcast/worker/worker.h; this is the same library.
 *
 * Errors. Every function that can fail returns a selmcast_code; SELMCAST_OK is 0. selmcast_last_error() then says what
 * went wrong, where, and the remedy, for the thread that called. Nothing throws, nothing aborts on bad input: a null
 * pointer where none may be is SELMCAST_INVALID_INPUT.
 * Waits. Each has a bound, stated with the function. None can hang.
 * Units. Rates are payload goodput in bit/s (1e9: a gigabit a second), times are seconds, both double.
 * Threads. A worker belongs to one thread at a time, except selmcast_worker_leave(), which may be called from any. The
 * functions of a manager and of a cancel token may be called from any thread. close() only when no other call of that
 * object is under way. Fork before the first call, not after: threads run behind workers and managers.
 * Versions. Structs begin with their size: fields are only ever added at the end, so that a program keeps working with
 * newer libraries; an older library ignores what it does not know. Values of enums keep their numbers.
 */
#ifndef SELMCAST_C_SELMCAST_H
#define SELMCAST_C_SELMCAST_H
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SELMCAST_API __attribute__((visibility("default")))
#else
#define SELMCAST_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Rises by one when this header gains something. */
#define SELMCAST_API_VERSION 2
/* Of the library that is loaded: SELMCAST_API_VERSION when it was built, and its release, "0.1.0". */
SELMCAST_API int32_t selmcast_api_version(void);
SELMCAST_API const char* selmcast_version(void);

typedef enum selmcast_code {
  SELMCAST_OK = 0,
  SELMCAST_INVALID_INPUT = 1, /* options or arguments; changes nothing */
  SELMCAST_PROTOCOL = 2,      /* a peer said something it may not say, or speaks another version */
  SELMCAST_CORRUPT = 3,       /* bytes that do not match their checksum */
  SELMCAST_UNAVAILABLE = 4,   /* nobody there, connection lost */
  SELMCAST_TIMEOUT = 5,       /* a bounded wait ended */
  SELMCAST_REJECTED = 6,      /* the manager refused, with its reason */
  SELMCAST_IO = 7,            /* the operating system refused */
  SELMCAST_CANCELLED = 8,     /* asked to stop */
  SELMCAST_INTERNAL = 9       /* a fault of this library, such as no memory left */
} selmcast_code;

/* "invalid_input", "timeout", ... never null. */
SELMCAST_API const char* selmcast_code_name(selmcast_code code);
/* Of the last call in this thread that failed; "" if none did. Valid until the next call in this thread. */
SELMCAST_API const char* selmcast_last_error(void);

/* ---- workers ---------------------------------------------------------------------------------------------------- */

typedef struct selmcast_worker selmcast_worker;
typedef struct selmcast_cancel selmcast_cancel;

typedef enum selmcast_role {
  SELMCAST_PARAMETER = 0, /* mixed */
  SELMCAST_BUFFER = 1,    /* a running float, such as BatchNorm's mean: mixed */
  SELMCAST_COUNTER = 2,   /* whole numbers, exact up to 2^24: the greatest counts */
  SELMCAST_FROZEN = 3     /* sent, but left alone by the receiver */
} selmcast_role;

typedef enum selmcast_mixing {
  SELMCAST_AVERAGE = 0,
  SELMCAST_PUSH_SUM = 1, /* unbiased where some reach more receivers than others */
  SELMCAST_STALENESS = 2 /* a model weighs 1 / (1 + rounds that its sender is behind) */
} selmcast_mixing;

/* How parameters travel. Layouts, error bounds, and what rounding does in the long run: selmcast/payload/format.h.
 * Buffers and counters always travel as float32; what a worker has itself is never rounded. */
typedef enum selmcast_payload {
  SELMCAST_FLOAT32 = 0,
  SELMCAST_FLOAT16 = 1,  /* relative error below 2^-10 from 2^-14 to 65504, what is beyond is cut off there */
  SELMCAST_BFLOAT16 = 2, /* relative error below 2^-7 */
  SELMCAST_INT8 = 3      /* error below a 127th of the greatest of 64 values; a scale for each 64 */
} selmcast_payload;

/* One float32 tensor of the model, row-major. Parameters are the tensors' values, one after the other. */
typedef struct selmcast_tensor {
  const char* name;     /* unique in the model */
  const int64_t* shape; /* `dimensions` extents, each at least 1; may be null for a scalar */
  size_t dimensions;
  int32_t role; /* a selmcast_role */
} selmcast_tensor;

typedef struct selmcast_worker_options {
  size_t struct_size;  /* set by selmcast_worker_options_init() */
  const char* manager; /* "host:port" */
  const char* name;    /* unique in the training; ids are given in natural order of the names: w2, w10 */
  const selmcast_tensor* tensors; /* the same on all workers, in the same order */
  size_t tensor_count;
  int32_t mixing;               /* a selmcast_mixing, the same on all workers */
  int32_t receive_buffers;      /* models held while they arrive; more senders than that wait in turn. 8 */
  double declared_uplink_bps;   /* believed until the manager has learnt better. 1e9 */
  double declared_downlink_bps; /* 1e9 */
  double emulated_uplink_bps;   /* for experiments on one machine; 0: none */
  double emulated_downlink_bps; /* 0: none */
  const char*
      data_host; /* where this worker listens for its peers; null: the interface that leads to the manager */
  int32_t data_port;              /* 0: any free one */
  double connect_timeout_seconds; /* until the manager answers at all. 20 */
  selmcast_cancel* cancel;        /* ends a connect that is under way; may be null */
  const char*
      interface_name;     /* listen at this interface's address, instead of data_host; null: not asked for */
  const char* advertised; /* "host" or "host:port" where peers find this worker, if not where it listens */
  int32_t payload;        /* a selmcast_payload, the same on all workers. SELMCAST_FLOAT32 */
  int32_t
      streams; /* connections, 1 to 16, that one delivery goes over at once: for paths so long that one does
                             not fill them. 1 */
} selmcast_worker_options;

/* Defaults as above. `struct_size` is sizeof(selmcast_worker_options) where the caller was compiled. */
SELMCAST_API void selmcast_worker_options_init(selmcast_worker_options* options, size_t struct_size);

/* Blocks until all workers of the training are there: at most connect_timeout_seconds, then 660 s, or the manager's
 * own join timeout (60 s by default). Nothing of `options` is used after the call. On failure *worker is null. */
SELMCAST_API selmcast_code selmcast_worker_connect(const selmcast_worker_options* options,
                                                   selmcast_worker** worker);
/* From 0, in natural order of the names. */
SELMCAST_API uint32_t selmcast_worker_id(const selmcast_worker* worker);
/* In the training when this worker came, this one included. */
SELMCAST_API uint32_t selmcast_worker_count(const selmcast_worker* worker);
/* What one delivery carries, as the payload makes it; plans are made with it. */
SELMCAST_API uint64_t selmcast_worker_payload_bytes(const selmcast_worker* worker);

/* 1 if the training ran already when this worker came (the manager must be elastic): it has to catch up. Else 0. */
SELMCAST_API int32_t selmcast_worker_came_late(const selmcast_worker* worker);
/* Before the first synchronisation of a worker that came late: writes the mixture of several others' models over
 * `parameters`, whatever they are; the report's next_round is the one that it computes then. For others there is
 * nothing to do. Blocks until the others' next exchange is over: the manager's patience at most, as below. After
 * an error the parameters are as they were, and the session is over, but for SELMCAST_INVALID_INPUT. */
SELMCAST_API selmcast_code selmcast_worker_catch_up(selmcast_worker* worker, float* parameters, size_t count);

/* Sends these parameters to the receivers that the manager picked and mixes in what arrived, in place. `count` is the
 * number of floats, as announced at the start. Blocks: with rounds in common until the round is over, else until the
 * own multicast is complete and the rule of staleness allows the next round; at most the manager's patience (600 s for
 * the slowest computation), or 10 s once the manager is silent. After an error the parameters are as they were, and
 * the session is over, except after SELMCAST_INVALID_INPUT, which changes nothing. */
SELMCAST_API selmcast_code selmcast_worker_synchronize(selmcast_worker* worker, float* parameters,
                                                       size_t count);

/* After the last synchronisation. With overlap (the manager says so: synchronize() returns while a snapshot is still
 * being delivered) it waits until that is over, and mixes in, in place, what has come since: at most the manager's
 * patience for a delivery. Without overlap there is nothing to do. Errors as above; the report is of what was mixed. */
SELMCAST_API selmcast_code selmcast_worker_drain(selmcast_worker* worker, float* parameters, size_t count);

/* What the last successful synchronisation, or drain, did. */
typedef struct selmcast_report {
  size_t struct_size;
  uint64_t round;             /* from 0 */
  const uint32_t* mixed_with; /* ids, ascending; valid until the worker's next synchronisation or close */
  size_t mixed_with_count;
  const uint32_t* sent_to; /* who has this worker's model complete and verified */
  size_t sent_to_count;
  uint32_t workers;         /* still in the training, this one included */
  double predicted_seconds; /* by the manager */
  double elapsed_seconds;   /* from the call to the mixed model */
  double own_weight;        /* push_sum: this worker's mass after mixing; all start with 1 */
  uint64_t next_round;      /* that is computed now */
} selmcast_report;
/* Set struct_size before. SELMCAST_INVALID_INPUT before the first synchronisation. */
SELMCAST_API selmcast_code selmcast_worker_report(const selmcast_worker* worker, selmcast_report* report);

/* Says goodbye to the manager; the others go on. From any thread: a synchronisation under way ends with
 * SELMCAST_CANCELLED, and so does every later one. `why` may be null, for "done": any other reason is an interruption,
 * and the manager misses this worker (--min-workers). Blocks for less than a second. */
SELMCAST_API void selmcast_worker_leave(selmcast_worker* worker, const char* why);
/* Leaves, if it has not left, and frees. Null is nothing. Blocks for about a second at most. */
SELMCAST_API void selmcast_worker_close(selmcast_worker* worker);

/* A token that ends a selmcast_worker_connect() that waits for the others; it must outlive that call. */
SELMCAST_API selmcast_cancel* selmcast_cancel_new(void);
SELMCAST_API void selmcast_cancel_now(selmcast_cancel* cancel);
SELMCAST_API void selmcast_cancel_free(selmcast_cancel* cancel);

/* ---- a manager in this process ---------------------------------------------------------------------------------- */

typedef struct selmcast_manager selmcast_manager;

typedef struct selmcast_manager_options {
  size_t struct_size;
  uint32_t workers;     /* the training starts when so many are there. 1 */
  const char* host;     /* "127.0.0.1". Anything else is reachable by others, and nothing is encrypted */
  int32_t port;         /* 0: any free one */
  const char* sync;     /* "bsp": rounds in common; "ssp": bounded staleness; "asp". "bsp" */
  const char* planner;  /* "auto", "exact", "paper", "random", "broadcast"; "slack" for ssp and asp */
  int32_t staleness;    /* ssp: rounds ahead of the slowest when one is started; -1: the default, 4 */
  double min_receivers; /* of each multicast; below 1 a fraction of the workers. 0.3 */
  uint32_t max_age;     /* every pair meets within this + 1 rounds. 7 */
  uint64_t seed;        /* of planners that draw. 1 */
  double join_timeout_seconds;    /* to wait for all workers. 60, at most 600 */
  double compute_timeout_seconds; /* that a round waits for the slowest computation. 600 */
  const char* journal;            /* file for all inputs and decisions; null: none */
  int32_t overlap; /* ssp, asp: not 0: workers compute on while their multicast is delivered. 0 */
  int32_t elastic; /* not 0: workers may come while the training runs, new ones or those that were lost. 0 */
  const char* state;       /* file that a manager that is started again goes on from; null: none */
  double patience_seconds; /* with state: how long workers wait for it. 60 */
  const char*
      multicast; /* "unicast"; "relay": receivers send on; "network": IP multicast; "auto": whichever the
                              network is fit for, found by probing it. docs/multicast.md. "unicast" */
} selmcast_manager_options;

SELMCAST_API void selmcast_manager_options_init(selmcast_manager_options* options, size_t struct_size);
/* Listens and serves one training, in threads of its own. */
SELMCAST_API selmcast_code selmcast_manager_start(const selmcast_manager_options* options,
                                                  selmcast_manager** manager);
/* "127.0.0.1:40123"; valid until close. */
SELMCAST_API const char* selmcast_manager_address(const selmcast_manager* manager);
/* Until the training is over (all workers have left), for at most `timeout_seconds`. SELMCAST_TIMEOUT: it still runs.
 * SELMCAST_CANCELLED, SELMCAST_TIMEOUT with another text: it was stopped, or never started. */
SELMCAST_API selmcast_code selmcast_manager_wait(selmcast_manager* manager, double timeout_seconds);
/* 1 while it serves, 0 once the training is over. */
SELMCAST_API int32_t selmcast_manager_running(const selmcast_manager* manager);
/* Tells every worker why and ends the training. `why` may be null. */
SELMCAST_API void selmcast_manager_stop(selmcast_manager* manager, const char* why);
/* Stops it, if it runs, and frees. Null is nothing. Blocks for about a second at most. */
SELMCAST_API void selmcast_manager_close(selmcast_manager* manager);

#ifdef __cplusplus
}
#endif

#endif
