import Foundation
import Testing

@testable import FlowRuntime

/// The cache of compiled objects: what is torn, left behind or made for another machine.
@Suite struct ObjectCacheTests {
  private func inCache(_ body: (ObjectCache, Toolchain) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(try ObjectCache(folder: folder), try Toolchain.find())
  }

  private let text = "__attribute__((visibility(\"default\"))) int answer(void) { return 42; }\n"

  private func answer(_ path: String) -> Int32? {
    guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL), let symbol = dlsym(handle, "answer")
    else { return nil }
    defer { dlclose(handle) }
    return unsafeBitCast(symbol, to: (@convention(c) () -> Int32).self)()
  }

  @Test("an object that is cut off, damaged or empty is made anew, and never loaded")
  func damaged() throws {
    try inCache { cache, toolchain in
      let path = try cache.object(for: text, toolchain: toolchain)
      let whole = try #require(FileManager.default.contents(atPath: path))
      #expect(answer(path) == 42)
      var changed = whole
      changed[whole.count / 2] ^= 1
      for bytes in [
        Data(), whole.prefix(100), whole.prefix(whole.count / 2), whole.dropLast(), changed,
        whole + [0], Data(count: whole.count),
      ] {
        try FileManager.default.removeItem(atPath: path)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
        #expect(try cache.object(for: text, toolchain: toolchain) == path)
        #expect(answer(path) == 42)
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: cache.folder).count == 1)
    }
  }

  @Test("what killed runs left is removed; a build in work is not")
  func leftovers() throws {
    try inCache { cache, toolchain in
      let manager = FileManager.default
      let old = cache.folder + "/build-1-2"
      try manager.createDirectory(atPath: old, withIntermediateDirectories: true)
      try Data().write(to: URL(fileURLWithPath: old + "/lock"))
      try Data("int x;".utf8).write(to: URL(fileURLWithPath: old + "/flow.c"))
      // A run that was killed while it removed its folder: the lock goes after all else.
      try manager.createDirectory(
        atPath: cache.folder + "/build-3-4", withIntermediateDirectories: true)
      try Data().write(to: URL(fileURLWithPath: cache.folder + "/abc.17.3.c"))
      try manager.setAttributes(
        [.modificationDate: Date(timeIntervalSinceNow: -7200)],
        ofItemAtPath: cache.folder + "/abc.17.3.c")
      let other = try BuildFolder(in: cache.folder)
      defer { other.remove() }
      _ = try cache.object(for: text, toolchain: toolchain)
      let names = try manager.contentsOfDirectory(atPath: cache.folder)
      #expect(names.count == 2 && names.contains { $0.hasSuffix(".so") })
      #expect(names.contains((other.path as NSString).lastPathComponent))
    }
  }

  @Test("a folder that another run takes before its lock is not used", arguments: [true, false])
  func removedBeforeLocked(isFinished: Bool) throws {
    try inCache { cache, _ in
      var taken: [String] = []
      var held: Int32 = -1
      let build = try BuildFolder(in: cache.folder) { path in
        taken.append(path)
        guard taken.count == 1 else { return }
        if isFinished {
          // Another build begins, and takes this folder for one that a killed run left.
          _ = try? BuildFolder(in: cache.folder).remove()
        } else {
          // It has seen that nobody holds the lock, and is about to remove the folder.
          held = open(path + "/lock", O_RDWR | O_CLOEXEC)
          #expect(flock(held, LOCK_EX | LOCK_NB) == 0)
        }
      }
      defer { build.remove() }
      #expect(taken.count == 2 && taken.last == build.path)
      #expect(FileManager.default.fileExists(atPath: build.path + "/lock"))
      #expect(FileManager.default.fileExists(atPath: taken[0]) == !isFinished)
      if held >= 0 { close(held) }
      // Its own lock keeps others away.
      try BuildFolder(in: cache.folder).remove()
      #expect(try FileManager.default.contentsOfDirectory(atPath: cache.folder).count == 1)
    }
  }

  @Test("a machine with other features has objects of its own, and does not run a stranger's")
  func processors() throws {
    try inCache { cache, toolchain in
      let (small, large) = (
        Processor(model: "a", features: ["sse2"]),
        Processor(model: "b", features: ["sse2", "avx512f"])
      )
      let first = try cache.object(for: text, toolchain: toolchain, processor: large)
      let second = try cache.object(for: text, toolchain: toolchain, processor: small)
      #expect(first != second)
      // However it got there, an object that needs more than there is is made anew.
      let bytes = try #require(FileManager.default.contents(atPath: first))
      #expect(SealedObject.needs(of: bytes) == ["sse2", "avx512f"])
      try bytes.write(to: URL(fileURLWithPath: second))
      #expect(try cache.object(for: text, toolchain: toolchain, processor: small) == second)
      let again = try #require(FileManager.default.contents(atPath: second))
      #expect(SealedObject.needs(of: again) == ["sse2"])
    }
  }

  @Test("the first processor's model and features are read")
  func description() {
    let x86 = Processor(
      description:
        "processor\t: 0\nvendor_id\t: A\nmodel\t\t: 1\nflags\t\t: fpu avx2\n\nflags : no\n")
    #expect(x86.model == "A 1" && x86.features == ["fpu", "avx2"])
    let arm = Processor(description: "processor : 0\nFeatures\t: fp asimd\nCPU part\t: 0xd0c\n")
    #expect(arm.model == "0xd0c" && arm.features == ["fp", "asimd"])
    #expect(!Processor.current.features.isEmpty)
  }

  @Test("an empty or relative XDG_CACHE_HOME counts as unset")
  func base() {
    let own = ObjectCache.base([:])
    #expect(own.hasSuffix("/.cache"))
    #expect(ObjectCache.base(["XDG_CACHE_HOME": ""]) == own)
    #expect(ObjectCache.base(["XDG_CACHE_HOME": "cache"]) == own)
    #expect(ObjectCache.base(["XDG_CACHE_HOME": "/x"]) == "/x")
  }

  @Test("CC may hold a wrapper and arguments; blank counts as unset; folders are no compilers")
  func compilers() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let manager = FileManager.default
    for name in ["first/clang", "second"] {
      try manager.createDirectory(
        atPath: folder + "/" + name, withIntermediateDirectories: true)
    }
    for name in ["gcc", "ccache"] {
      try Data("#!/bin/sh\n".utf8).write(to: URL(fileURLWithPath: folder + "/second/" + name))
      try manager.setAttributes(
        [.posixPermissions: 0o755], ofItemAtPath: folder + "/second/" + name)
    }
    func command(_ cc: String?) throws -> CompilerCommand {
      var environment = ["PATH": ":.:\(folder)/first:\(folder)/second"]
      environment["CC"] = cc
      return try CompilerCommand(environment: environment)
    }
    let gcc = try command(nil)
    #expect(gcc.path == folder + "/second/gcc" && gcc.arguments.isEmpty)
    #expect(try command("") == gcc && command("  ") == gcc)
    #expect(try command("gcc -m64").arguments == ["-m64"])
    #expect(try command("gcc -m64").identity != gcc.identity)
    let wrapped = try command("ccache gcc")
    #expect(wrapped.path == folder + "/second/ccache" && wrapped.arguments == ["gcc"])
    #expect(wrapped.identity.contains("/second/gcc"))
    #expect(wrapped.isGCC)
    let error = #expect(throws: RuntimeError.self) { try command("icc -O2") }
    #expect("\(try #require(error))".contains("CC names 'icc'"))
  }

  #if !canImport(Darwin)
    @Test("an object finds an OpenMP runtime where the loader does not look")
    func runtimeElsewhere() throws {
      try inCache { cache, toolchain in
        // A runtime of a name that only this folder has, as a Python package brings one.
        let runtime = cache.folder + "/runtime"
        try FileManager.default.createDirectory(
          atPath: runtime, withIntermediateDirectories: true)
        let library = runtime + "/libelsewhere.so"
        let source = runtime + "/runtime.c"
        let function =
          "__attribute__((visibility(\"default\"))) int in_runtime(void) { return 42; }\n"
        try Data(function.utf8).write(to: URL(fileURLWithPath: source))
        try toolchain.compile(
          sources: [.init(path: source, cpu: .native)], output: library,
          for: .artifact(name: "libelsewhere.so", exported: "in_*"))
        let other = Toolchain(compiler: toolchain.compiler, openMP: .library(library))
        let text = "int in_runtime(void);\n" + self.text.replacing("42", with: "in_runtime()")
        #expect(answer(try cache.object(for: text, toolchain: other)) == 42)
      }
    }
  #endif

  @Test("a missing OpenMP runtime is named when an object is loaded")
  func openMP() {
    let reason = "libomp.so.5: cannot open shared object file: No such file or directory"
    #expect("\(RuntimeError.loading("/x/libm.so", reason))".contains("install libomp-dev"))
    #expect(RuntimeError.loading("/x", "other") == .loadFailed(path: "/x", reason: "other"))
  }
}
