/*
 * Platforms without Linux's /dev/net/tun: the addon loads, says so, and refuses to open.
 */
#include <node_api.h>

static napi_value refuse(napi_env env, napi_callback_info info) {
  napi_throw_error(env, "ENOTSUP", "ENOTSUP: TAP interfaces are supported on Linux only, tapOpen");
  return NULL;
}

NAPI_MODULE_INIT() {
  static const char *const names[] = { "tapOpen", "tapAttachFd" };
  for (int i = 0; i < 2; i++) {
    napi_value fn;
    napi_create_function(env, names[i], NAPI_AUTO_LENGTH, refuse, NULL, &fn);
    napi_set_named_property(env, exports, names[i], fn);
  }
  return exports;
}
