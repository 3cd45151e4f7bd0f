import FlowFiles
import Flows
import Testing

/// Arguments, settings of the environment and model files that can't be.
extension HostileCommandTests {
  @Test(
    "numbers beyond their limits are errors of usage that name the limits",
    arguments: [
      ("sample m.safetensors --output o.npy --rows 4611686018427387904", "1 to 1000000000000"),
      ("sample m.safetensors --output o.npy --rows 0", "1 to 1000000000000"),
      ("sample m.safetensors --output o.npy --rows 1e300", "1 to 1000000000000"),
      ("sample m.safetensors --output o.npy --rows 9 --seed=-1", "0 to 18446744073709551615"),
      ("score m.safetensors --input x.npy --output o.npy --threads 2147483648", "1 to 1024"),
      ("score m.safetensors --input x.npy --output o.npy --threads 100000", "1 to 1024"),
      ("score m.safetensors --input x.npy --output o.npy --chunk 99999999999", "1 to 10000000"),
      ("profile m.safetensors --rows 9223372036854775807", "1 to 1000000000"),
      ("train --flow MAF --data x.npy --output o --learning-rate inf", "above 0"),
      ("train --flow MAF --data x.npy --output o --learning-rate 1e300", "above 0"),
      ("train --flow MAF --data x.npy --output o --clip-norm nan", "above 0"),
      ("train --flow MAF --data x.npy --output o --weight-decay=-1", "from 0"),
      ("train --flow MAF --data x.npy --output o --validation nan", "from 0"),
      ("train --flow NFS --data x.npy --output o", "did you mean NSF?"),
      ("transform m.safetensors --input x.npy --output - --ladj -", "only one output"),
      ("score m.safetensors --input x.npy --output - --json", "name a file"),
    ])
  func limits(line: String, message: String) throws {
    try inWorkshop { folder in
      let result = try shell("flowir " + line, in: folder)
      #expect(result.status == 2 && result.errors.contains(message), "\(result.errors)")
      #expect(try names(folder) == ["m.safetensors", "x.npy"])
    }
  }

  @Test(
    "a negative number is the value of its option, and the message states it and the limits",
    arguments: [
      ("sample m.safetensors --output o.npy --rows 9", "--seed", "0 to 18446744073709551615"),
      ("sample m.safetensors --output o.npy", "--rows", "1 to 1000000000000"),
      ("score m.safetensors --input x.npy --output o.npy", "--threads", "1 to 1024"),
      ("score m.safetensors --input x.npy --output o.npy", "--chunk", "1 to 10000000"),
      ("profile m.safetensors", "--rows", "1 to 1000000000"),
      ("profile m.safetensors", "--seconds", "0 to 1000000"),
      ("opt x.flowir --pass simplify", "--bisect", "0 to 9223372036854775807"),
      ("train --flow MAF --data x.npy --output o", "--features", "1 to 100000"),
      ("train --flow MAF --data x.npy --output o", "--context", "0 to 100000"),
      ("train --flow MAF --data x.npy --output o", "--epochs", "1 to 2147483648"),
      ("train --flow MAF --data x.npy --output o", "--batch-size", "1 to 2147483648"),
      ("train --flow MAF --data x.npy --output o", "--learning-rate", "above 0"),
      ("train --flow MAF --data x.npy --output o", "--weight-decay", "from 0"),
      ("train --flow MAF --data x.npy --output o", "--clip-norm", "above 0"),
      ("train --flow MAF --data x.npy --output o", "--validation", "from 0"),
      ("train --flow MAF --data x.npy --output o", "--patience", "1 to 2147483648"),
      ("train --flow MAF --data x.npy --output o", "--seed", "0 to 18446744073709551615"),
    ])
  func negative(line: String, option: String, limits: String) throws {
    try inWorkshop { folder in
      let result = try shell("flowir \(line) \(option) -1", in: folder)
      #expect(result.status == 2 && result.errors.contains(limits), "\(result.errors)")
      #expect(result.errors.contains("'-1'"), "\(result.errors)")
      #expect(try names(folder) == ["m.safetensors", "x.npy"])
    }
  }

  @Test("arguments that do not suit the model get the usage of their command")
  func usage() throws {
    try inWorkshop { folder in
      let text = #"{"type": "MAF", "features": 3, "transforms": 1, "hidden_features": [8]}"#
      try Model(FlowDescription(text: text), seed: 1).save(to: folder + "/three.safetensors")
      let result = try shell(
        "flowir plot three.safetensors --kind density --output p.svg", in: folder)
      #expect(
        result.status == 2 && result.errors.hasPrefix("Error: --kind density"), "\(result.errors)")
      #expect(result.errors.contains("Usage: flowir plot [<options>]"))
      #expect(result.errors.contains("See 'flowir plot --help'"))
    }
  }

  @Test(
    "a shared object that is not there is said in the system's words", arguments: ["info", "check"])
  func missingObject(command: String) throws {
    try inWorkshop { folder in
      let result = try shell("flowir \(command) missing.so", in: folder)
      #expect(
        result.status == 1 && result.errors.contains("No such file or directory"),
        "\(result.errors)")
    }
  }

  @Test("a file for a number of context features, and a number for a file, are told apart")
  func contextFeatures() throws {
    try inWorkshop { folder in
      let file = try shell(
        "flowir train --flow MAF --data x.npy --output o --context c.npy", in: folder)
      #expect(file.status == 2 && file.errors.contains("the file of contexts is --context-data"))
      let conditional = folder + "/c.safetensors"
      try MAF(features: 2, context: 1, transforms: 1, seed: 1).save(to: conditional)
      let number = try shell(
        "flowir score c.safetensors --input x.npy --context 1 --output o.npy", in: folder)
      #expect(number.status == 1)
      #expect(
        number.errors.contains("--context: found the number 1, expected a file of contexts"),
        "\(number.errors)")
    }
  }

  @Test(
    "what the environment says of OpenMP's threads and stacks neither ends nor hangs the process",
    arguments: [
      ("OMP_NUM_THREADS=", nil), ("OMP_NUM_THREADS=abc", nil), ("OMP_NUM_THREADS={-1}", nil),
      ("OMP_NUM_THREADS=99999999999999999999", nil), ("OMP_STACKSIZE=abc", nil),
      ("OMP_STACKSIZE=4M", nil), ("KMP_STACKSIZE=8388608", nil),
      ("OMP_STACKSIZE=99999999999999999999", "OMP_STACKSIZE: found '99999999999999999999'"),
      ("OMP_STACKSIZE=10000G", "at most 1G"), ("GOMP_STACKSIZE=8388608", "at most 1G"),
      ("KMP_STACKSIZE=100000g", "at most 1G"), ("KMP_STACKOFFSET=99999999999999999999", "1G"),
    ] as [(String, String?)])
  func openMP(setting: String, message: String?) throws {
    try inWorkshop { folder in
      let result = try shell(
        "timeout 60 env '\(setting)' flowir score m.safetensors --input x.npy --output o.npy "
          + "--threads 2", in: folder)
      #expect(result.status == (message == nil ? 0 : 1), "\(result.status) \(result.errors)")
      if let message { #expect(result.errors.contains(message), "\(result.errors)") }
    }
  }

  @Test(
    "what is wrong with a model file is said with the file's name", arguments: ["info", "dump"])
  func modelFiles(command: String) throws {
    try inWorkshop { folder in
      let text = #"{"type": "MAF", "features": 1000000}"#
      try SafetensorsFile(metadata: ["flowir.flow": text]).write(to: folder + "/bad.safetensors")
      let result = try shell("flowir \(command) bad.safetensors", in: folder)
      #expect(
        result.status == 1
          && result.errors.contains("bad.safetensors: features: found 1000000, expected"),
        "\(result.errors)")
    }
  }

  @Test("what is wrong with a description is said with the name of its file")
  func descriptions() throws {
    try inWorkshop { folder in
      try #"{"type": "MAF", "features": 1000000}"#.write(
        toFile: folder + "/flow.json", atomically: true, encoding: .utf8)
      let result = try shell(
        "flowir train --config flow.json --data x.npy --output o.safetensors", in: folder)
      #expect(
        result.status == 1
          && result.errors
            == "flowir: error: flow.json: features: found 1000000, expected an integer "
            + "of 1 to 100000\n",
        "\(result.errors)")
    }
  }
}
