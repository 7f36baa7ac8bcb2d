{
  'targets': [
    {
      'target_name': 'vimage',
      'defines': ['NAPI_VERSION=8'],
      'conditions': [
        ['OS=="linux"', {
          'sources': [
            'native/addon.c',
            'native/tap.c',
            'native/netif.c',
            'native/arrays.c',
            'native/batch.c',
            'native/merge.c',
            'native/segments.c',
            'native/uring.c',
            'native/poll.c',
          ],
          'cflags': ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Wno-unused-parameter', '-fvisibility=hidden'],
        }, {
          'sources': ['native/unsupported.c'],
        }],
      ],
    },
  ],
}
