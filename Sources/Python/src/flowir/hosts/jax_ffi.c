/* One handler of XLA's foreign function interface for every compiled flow.

   A flow is registered under a number that is made of its content; a call names the number and the
   function as attributes, so that a program that was compiled by another process and kept finds the same
   flow or none. */
#include "xla/ffi/api/c_api.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOG_PROB, LOG_PROB_GRADIENT, TRANSFORM, INVERSE, SAMPLE, FUNCTIONS };

typedef struct Flow {
  int64_t id, features, context, is_double;
  void *calls[FUNCTIONS];
  const char *(*last_error)(void);
  struct Flow *next;
} Flow;

static _Atomic(Flow *) flows;

int flowir_register(int64_t id, int64_t features, int64_t context, int64_t is_double,
                    void *const *calls, void *last_error) {
  Flow *flow = malloc(sizeof *flow);
  if (!flow) return 1;
  *flow = (Flow){.id = id, .features = features, .context = context, .is_double = is_double};
  memcpy(flow->calls, calls, sizeof flow->calls);
  flow->last_error = (const char *(*)(void))last_error;
  flow->next = atomic_load(&flows);
  while (!atomic_compare_exchange_weak(&flows, &flow->next, flow)) {}
  return 0;
}

static XLA_FFI_Error *fail(const XLA_FFI_Api *api, const char *message) {
  XLA_FFI_Error_Create_Args args = {
    .struct_size = XLA_FFI_Error_Create_Args_STRUCT_SIZE, .message = message,
    .errc = XLA_FFI_Error_Code_INVALID_ARGUMENT};
  return api->XLA_FFI_Error_Create(&args);
}

static int64_t attribute(const XLA_FFI_Attrs *attrs, const char *name) {
  for (int64_t i = 0; i < attrs->size; ++i) {
    const XLA_FFI_ByteSpan *span = attrs->names[i];
    if (span->len == strlen(name) && !memcmp(span->ptr, name, span->len)
        && attrs->types[i] == XLA_FFI_AttrType_SCALAR) {
      const XLA_FFI_Scalar *scalar = attrs->attrs[i];
      if (scalar->dtype == XLA_FFI_DataType_S64) return *(const int64_t *)scalar->value;
    }
  }
  return -1;
}

/* The rows of a matrix of so many columns; -1 if the buffer is none. */
static int64_t rows_of(const XLA_FFI_Buffer *buffer, int64_t columns) {
  if (buffer->rank != 2 || buffer->dims[1] != columns) return -1;
  return buffer->dims[0];
}

XLA_FFI_Error *flowir_call(XLA_FFI_CallFrame *frame) {
  XLA_FFI_Extension_Base *extension = frame->extension_start;
  if (extension && extension->type == XLA_FFI_Extension_Metadata) {
    XLA_FFI_Metadata *metadata = ((XLA_FFI_Metadata_Extension *)extension)->metadata;
    metadata->api_version.major_version = XLA_FFI_API_MAJOR;
    metadata->api_version.minor_version = XLA_FFI_API_MINOR;
    return NULL;
  }
  const int64_t id = attribute(&frame->attrs, "flow");
  const int64_t function = attribute(&frame->attrs, "function");
  const Flow *flow = atomic_load(&flows);
  while (flow && flow->id != id) flow = flow->next;
  if (!flow)
    return fail(frame->api, "flowir: the flow of this program is not loaded; call its jax() first");
  if (function < 0 || function >= FUNCTIONS || !flow->calls[function])
    return fail(frame->api, "flowir: the flow was compiled without this function");
  const int64_t has_context = flow->context > 0;
  if (frame->args.size != 1 + has_context) return fail(frame->api, "flowir: wrong number of arguments");
  const XLA_FFI_Buffer *first = frame->args.args[0];
  const XLA_FFI_Buffer *second = has_context ? frame->args.args[1] : NULL;
  void *results[3] = {NULL, NULL, NULL};
  if (frame->rets.size > 3) return fail(frame->api, "flowir: too many results");
  for (int64_t i = 0; i < frame->rets.size; ++i)
    results[i] = ((XLA_FFI_Buffer *)frame->rets.rets[i])->data;
  const int64_t rows = rows_of(
    function == SAMPLE ? frame->rets.rets[0] : (const void *)first, flow->features);
  const int64_t context_rows = second ? rows_of(second, flow->context) : 0;
  const XLA_FFI_DataType type = flow->is_double ? XLA_FFI_DataType_F64 : XLA_FFI_DataType_F32;
  if (rows < 0 || context_rows < 0 || (second && second->dtype != type)
      || (function != SAMPLE && first->dtype != type))
    return fail(frame->api, "flowir: an argument has another shape or type than the flow");
  const void *context = second ? second->data : NULL;
  int status;
  if (function == SAMPLE) {
    uint64_t seed;
    memcpy(&seed, first->data, sizeof seed);
    int (*call)(uint64_t, int64_t, const void *, int64_t, int64_t, void *, void *) =
      (int (*)(uint64_t, int64_t, const void *, int64_t, int64_t, void *, void *))flow->calls[function];
    status = call(seed, 0, context, rows, context_rows, results[0], results[1]);
  } else {
    /* Functions of fewer results leave the others unread. */
    int (*call)(const void *, const void *, int64_t, int64_t, void *, void *, void *) =
      (int (*)(const void *, const void *, int64_t, int64_t, void *, void *, void *))
        flow->calls[function];
    status = call(first->data, context, rows, context_rows, results[0], results[1], results[2]);
  }
  return status ? fail(frame->api, flow->last_error()) : NULL;
}
