/*
 * Typed arrays that JavaScript lends: registered once, named by small integers afterwards.
 */
#include "vimage.h"

#include <errno.h>

/*
 * registerArray(Uint8Array | Uint32Array) → id; keeps the array alive until unregisterArray(id). One array registered
 * n times has one id and is let go after n unregistrations, so that any number of devices may share a frame pool.
 */
napi_value array_register(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  napi_typedarray_type type;
  struct instance *in = instance_of(env);
  if (!get_args(env, info, 1, argv)) return NULL;
  if (napi_get_typedarray_info(env, argv[0], &type, NULL, NULL, NULL, NULL) != napi_ok ||
      (type != napi_uint8_array && type != napi_uint32_array)) {
    return throw_type(env, "a Uint8Array or Uint32Array was expected");
  }
  int32_t free_id = -1;
  for (int32_t i = 0; i < VIMAGE_MAX_ARRAYS; i++) {
    struct array *a = &in->arrays[i];
    napi_value other;
    bool same = false;
    if (a->ref == NULL && free_id < 0) free_id = i;
    if (a->ref == NULL || napi_get_reference_value(env, a->ref, &other) != napi_ok) continue;
    if (napi_strict_equals(env, other, argv[0], &same) != napi_ok || !same) continue;
    a->users++;
    return make_int(env, i);
  }
  if (free_id < 0) return throw_errno(env, ENOBUFS, "registerArray", NULL);
  struct array *a = &in->arrays[free_id];
  if (napi_create_reference(env, argv[0], 1, &a->ref) != napi_ok) return NULL;
  a->users = 1;
  a->batch = 0;
  return make_int(env, free_id);
}

napi_value array_unregister(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  int32_t id;
  struct instance *in = instance_of(env);
  if (!get_args(env, info, 1, argv) || !get_int(env, argv[0], &id)) return NULL;
  if (id < 0 || id >= VIMAGE_MAX_ARRAYS || in->arrays[id].ref == NULL) return NULL;
  if (--in->arrays[id].users > 0) return NULL;
  napi_delete_reference(env, in->arrays[id].ref);
  in->arrays[id].ref = NULL;
  return NULL;
}

/* Pointer and length are asked of the engine once per batch: an array may have been detached or resized since. */
struct array *array_current(struct instance *in, uint32_t id) {
  if (id >= VIMAGE_MAX_ARRAYS || in->arrays[id].ref == NULL) return NULL;
  struct array *a = &in->arrays[id];
  if (a->batch == in->batch) return a;
  napi_value value;
  napi_typedarray_type type;
  void *data = NULL;
  size_t elements = 0;
  if (napi_get_reference_value(in->env, a->ref, &value) != napi_ok) return NULL;
  if (napi_get_typedarray_info(in->env, value, &type, &elements, &data, NULL, NULL) != napi_ok) return NULL;
  if (data == NULL) return NULL;
  a->data = data;
  a->length = type == napi_uint32_array ? elements * 4 : elements;
  a->batch = in->batch;
  return a;
}
