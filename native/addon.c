/*
 * The addon's entry: instance data, its teardown, the exported functions, and the helpers every file uses.
 */
#include "vimage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

static void on_environment_exit(napi_async_cleanup_hook_handle hook, void *arg);
static void free_instance(napi_env env, void *data, void *hint);

#define METHOD(name, fn) { name, NULL, fn, NULL, NULL, NULL, napi_enumerable, NULL }

NAPI_MODULE_INIT() {
  struct instance *in = calloc(1, sizeof *in);
  if (in == NULL) return throw_errno(env, ENOMEM, "calloc", NULL);
  in->env = env;
  for (int i = 0; i < VIMAGE_MAX_TAPS; i++) in->taps[i].fd = -1;
  if (napi_set_instance_data(env, in, free_instance, NULL) != napi_ok) {
    free(in);
    return NULL;
  }
  if (napi_add_async_cleanup_hook(env, on_environment_exit, in, &in->cleanup) != napi_ok) return NULL;

  static const napi_property_descriptor methods[] = {
    METHOD("tapOpen", tap_open),
    METHOD("tapAttachFd", tap_attach_fd),
    METHOD("tapInfo", tap_info),
    METHOD("tapSet", tap_set),
    METHOD("tapClose", tap_close),
    METHOD("netifGet", netif_get),
    METHOD("netifSet", netif_set),
    METHOD("netifGetMac", netif_get_mac),
    METHOD("netifSetMac", netif_set_mac),
    METHOD("netifSetAddress", netif_set_address),
    METHOD("registerArray", array_register),
    METHOD("unregisterArray", array_unregister),
    METHOD("readBatch", batch_read),
    METHOD("writeBatch", batch_write),
    METHOD("writesTogether", writes_together),
    METHOD("pollStart", poll_start),
    METHOD("pollStop", poll_stop),
    METHOD("pollRef", poll_ref),
  };
  napi_define_properties(env, exports, sizeof methods / sizeof methods[0], methods);
  set_named(env, exports, "cutHeaders", make_int(env, VIMAGE_CUT_HEADERS));
  set_named(env, exports, "lentBase", make_int(env, VIMAGE_LENT_BASE));
  set_named(env, exports, "cutParts", make_int(env, VIMAGE_CUT_PARTS));
  set_named(env, exports, "mergeRooms", make_int(env, VIMAGE_MERGE_ROOMS));
  return exports;
}

/* Closes every descriptor; the hook is handed back once libuv has let go of the last poll handle. */
static void on_environment_exit(napi_async_cleanup_hook_handle hook, void *arg) {
  struct instance *in = arg;
  in->closing = true;
  for (int i = 0; i < VIMAGE_MAX_TAPS; i++) tap_release(in, &in->taps[i]);
  instance_drained(in);
}

/* Called when a poll handle has closed; only matters during teardown. */
void instance_drained(struct instance *in) {
  if (!in->closing || in->polls != 0 || in->cleanup == NULL) return;
  napi_async_cleanup_hook_handle hook = in->cleanup;
  in->cleanup = NULL;
  napi_remove_async_cleanup_hook(hook);
}

static void free_instance(napi_env env, void *data, void *hint) {
  struct instance *in = data;
  queue_free(in->queue);
  free(in);
}

struct instance *instance_of(napi_env env) {
  void *data = NULL;
  napi_get_instance_data(env, &data);
  return data;
}

/* Throws an Error shaped like Node's system errors: code, errno, syscall and, where there is one, path. */
napi_value throw_errno(napi_env env, int err, const char *syscall, const char *path) {
  char text[192];
  snprintf(text, sizeof text, "%s: %s, %s%s%s%s", uv_err_name(-err), uv_strerror(-err), syscall,
           path != NULL ? " '" : "", path != NULL ? path : "", path != NULL ? "'" : "");
  napi_value error;
  napi_value code = make_string(env, uv_err_name(-err));
  if (napi_create_error(env, code, make_string(env, text), &error) != napi_ok) return NULL;
  set_named(env, error, "errno", make_int(env, -err));
  set_named(env, error, "syscall", make_string(env, syscall));
  if (path != NULL) set_named(env, error, "path", make_string(env, path));
  napi_throw(env, error);
  return NULL;
}

napi_value throw_type(napi_env env, const char *message) {
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
  return NULL;
}

/* Exactly `count` arguments, or a TypeError and false. */
bool get_args(napi_env env, napi_callback_info info, size_t count, napi_value *argv) {
  size_t given = count;
  if (napi_get_cb_info(env, info, &given, argv, NULL, NULL) == napi_ok && given >= count) return true;
  throw_type(env, "too few arguments");
  return false;
}

bool get_int(napi_env env, napi_value v, int32_t *out) {
  if (napi_get_value_int32(env, v, out) == napi_ok) return true;
  throw_type(env, "an integer was expected");
  return false;
}

/* An interface name or template: at most 15 octets, as the kernel keeps it (IFNAMSIZ). */
bool get_ifname(napi_env env, napi_value v, char out[IFNAMSIZ]) {
  char text[64];
  size_t length = 0;
  if (napi_get_value_string_utf8(env, v, text, sizeof text, &length) != napi_ok) {
    throw_type(env, "an interface name was expected");
    return false;
  }
  if (length >= IFNAMSIZ) {
    throw_errno(env, ENAMETOOLONG, "interface name", text);
    return false;
  }
  memset(out, 0, IFNAMSIZ);
  memcpy(out, text, length);
  return true;
}

napi_value make_int(napi_env env, int32_t n) {
  napi_value v = NULL;
  napi_create_int32(env, n, &v);
  return v;
}

napi_value make_string(napi_env env, const char *text) {
  napi_value v = NULL;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &v);
  return v;
}

void set_named(napi_env env, napi_value object, const char *name, napi_value value) {
  napi_set_named_property(env, object, name, value);
}
