/*
 * Readiness of a TAP descriptor through the environment's own libuv loop.
 *
 * A poll handle belongs to one TAP. It outlives the TAP's close by one turn of the loop (uv_close is asynchronous), so
 * it is a record of its own and frees itself.
 */
#include "vimage.h"

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

struct poll {
  uv_poll_t uv;
  struct instance *in;
  struct tap *tap;
  napi_ref callback;
  napi_async_context context;
};

static void on_ready(uv_poll_t *uv, int status, int events);
static void on_closed(uv_handle_t *uv);

/* pollStart(handle, callback): calls callback(status) each time frames wait (0) or the device failed (-errno). */
napi_value poll_start(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  napi_valuetype type;
  uv_loop_t *loop;
  struct instance *in = instance_of(env);
  if (!get_args(env, info, 2, argv)) return NULL;
  struct tap *t = tap_arg(env, argv[0]);
  if (t == NULL) return NULL;
  if (napi_typeof(env, argv[1], &type) != napi_ok || type != napi_function) {
    return throw_type(env, "a function was expected");
  }
  if (t->poll != NULL) return throw_errno(env, EALREADY, "pollStart", NULL);
  if (in->closing || napi_get_uv_event_loop(env, &loop) != napi_ok) {
    return throw_errno(env, ECANCELED, "pollStart", NULL);
  }

  struct poll *p = calloc(1, sizeof *p);
  if (p == NULL) return throw_errno(env, ENOMEM, "pollStart", NULL);
  int err = uv_poll_init(loop, &p->uv, t->fd);
  if (err != 0) {
    free(p);
    return throw_errno(env, -err, "uv_poll_init", NULL);
  }
  p->in = in;
  p->tap = t;
  p->uv.data = p;
  napi_create_reference(env, argv[1], 1, &p->callback);
  napi_async_init(env, NULL, make_string(env, "vimage:tap"), &p->context);
  t->poll = p;
  in->polls++;
  err = uv_poll_start(&p->uv, UV_READABLE, on_ready);
  if (err == 0) return NULL;
  poll_close(p);
  return throw_errno(env, -err, "uv_poll_start", NULL);
}

/* pollStop(handle): no callback comes after it returns. */
napi_value poll_stop(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  if (!get_args(env, info, 1, argv)) return NULL;
  struct tap *t = tap_arg(env, argv[0]);
  if (t != NULL && t->poll != NULL) poll_close(t->poll);
  return NULL;
}

/* pollRef(handle, 1 | 0): whether waiting for frames keeps the process alive. */
napi_value poll_ref(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  int32_t on;
  if (!get_args(env, info, 2, argv)) return NULL;
  struct tap *t = tap_arg(env, argv[0]);
  if (t == NULL || !get_int(env, argv[1], &on) || t->poll == NULL) return NULL;
  if (on) uv_ref((uv_handle_t *)&t->poll->uv);
  else uv_unref((uv_handle_t *)&t->poll->uv);
  return NULL;
}

void poll_close(struct poll *p) {
  if (p->tap == NULL) return;
  p->tap->poll = NULL;
  p->tap = NULL;
  uv_close((uv_handle_t *)&p->uv, on_closed);
}

static void on_ready(uv_poll_t *uv, int status, int events) {
  struct poll *p = uv->data;
  napi_env env = p->in->env;
  napi_handle_scope scope;
  napi_value callback, receiver, arg, error;
  if (p->tap == NULL || napi_open_handle_scope(env, &scope) != napi_ok) return;
  arg = make_int(env, status);
  napi_get_global(env, &receiver);
  if (napi_get_reference_value(env, p->callback, &callback) == napi_ok &&
      napi_make_callback(env, p->context, receiver, callback, 1, &arg, NULL) == napi_pending_exception &&
      napi_get_and_clear_last_exception(env, &error) == napi_ok) {
    /* What the callback throws is the program's uncaught exception, as with any callback of Node's own. */
    napi_fatal_exception(env, error);
  }
  napi_close_handle_scope(env, scope);
}

static void on_closed(uv_handle_t *uv) {
  struct poll *p = uv->data;
  struct instance *in = p->in;
  napi_handle_scope scope;
  if (napi_open_handle_scope(in->env, &scope) == napi_ok) {
    napi_delete_reference(in->env, p->callback);
    napi_async_destroy(in->env, p->context);
    napi_close_handle_scope(in->env, scope);
  }
  free(p);
  in->polls--;
  instance_drained(in);
}
