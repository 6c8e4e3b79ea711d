{
  'variables': {
    # ISTHMUS_WERROR=1 turns every warning into an error (CI does so; a user's newer compiler should not).
    'isthmus_werror%': '<!(node -p "process.env.ISTHMUS_WERROR === \'1\' ? 1 : 0")',
  },
  'targets': [
    {
      'target_name': 'isthmus',
      'sources': [
        'addon.cc',
        'death_mark.cc',
        'files.cc',
        'fork_guard.cc',
        'futex.cc',
        'prefetch.cc',
        'random.cc',
        'liveness.cc',
        'named_semaphore.cc',
        'old_glibc.cc',
        'segment.cc',
        'threads.cc',
        'waiter.cc',
      ],
      'defines': [
        'NAPI_VERSION=9',
        'NAPI_DISABLE_CPP_EXCEPTIONS',
        'NODE_ADDON_API_DISABLE_DEPRECATED',
        # A worker that is being terminated cannot take an exception: not a reason to abort the process.
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
      ],
      # Node's own common.gypi asks for the C++ dialect and the -O3 of the Node that happens to build; we ask
      # for ours.
      'cflags!': ['-O3', '-Wno-unused-parameter'],
      'cflags_cc!': ['-std=gnu++14', '-std=gnu++17', '-std=gnu++20', '-std=gnu++23', '-O3'],
      'configurations': {
        'Release': { 'cflags!': ['-O3'], 'cflags': ['-O2'] },
        'Debug': { 'cflags': ['-Og', '-g'] },
      },
      'cflags': ['-Wall', '-Wextra', '-fvisibility=hidden', '-pthread'],
      'cflags_cc': [
        '-std=c++17',
        '-fvisibility-inlines-hidden',
        # A system directory, so that the warnings we ask for are about our own code only.
        '-isystem', '<!(node -p "require(\'node-addon-api\').include.slice(1, -1)")',
      ],
      'ldflags': [
        '-pthread',
        # Our threads and exit handlers must never outlive the code they run.
        '-Wl,-z,nodelete',
        '-Wl,-z,relro,-z,now',
        # The C++ library travels inside: we need no symbol newer than the one that Node brings along.
        '-static-libstdc++',
        '-static-libgcc',
        # Nothing but Node-API's entry points is visible, so that nothing of ours is replaced by a namesake in
        # Node.
        '-Wl,--version-script=<(module_root_dir)/exports.map',
        '-Wl,--as-needed',
      ],
      'conditions': [
        ['isthmus_werror==1', { 'cflags': ['-Werror'] }],
      ],
    },
  ],
}
