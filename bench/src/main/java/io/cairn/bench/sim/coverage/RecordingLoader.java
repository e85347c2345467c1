package io.cairn.bench.sim.coverage;

import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.FieldModel;
import java.lang.classfile.Opcode;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.reflect.AccessFlag;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Loads all of the project's classes anew, so that each assignment of a state in the protocol's
 * packages is told to {@link Transitions}. The product itself knows nothing of that, and every
 * machine is found by what it is: a field that is not final, of an enum named State, Phase or
 * ReplicaState.
 */
public final class RecordingLoader extends ClassLoader {
  private static final String PROJECT = "io.cairn.";
  private static final String COVERAGE = RecordingLoader.class.getPackageName() + ".";
  private static final List<String> PROTOCOL =
      List.of("io.cairn.client.volume.", "io.cairn.storage.replication.");
  private static final Set<String> MACHINES = Set.of("State", "Phase", "ReplicaState");
  private static final ClassDesc RECORDER = ClassDesc.of(Transitions.class.getName());
  private static final MethodTypeDesc ASSIGNED =
      MethodTypeDesc.of(
          ConstantDescs.CD_void,
          ConstantDescs.CD_Object,
          ConstantDescs.CD_Object,
          ConstantDescs.CD_String);

  private final Map<String, Set<String>> states = new HashMap<>();

  /** A loader whose parent is the program's. */
  public RecordingLoader() {
    super(RecordingLoader.class.getClassLoader());
  }

  @Override
  protected Class<?> loadClass(String type, boolean resolve) throws ClassNotFoundException {
    if (!type.startsWith(PROJECT) || type.startsWith(COVERAGE)) {
      return super.loadClass(type, resolve);
    }
    synchronized (getClassLoadingLock(type)) {
      Class<?> loaded = findLoadedClass(type);
      if (loaded == null) {
        byte[] bytes = bytes(type);
        if (PROTOCOL.stream().anyMatch(type::startsWith)) {
          bytes = instrumented(bytes);
        }
        loaded = defineClass(type, bytes, 0, bytes.length);
      }
      return loaded;
    }
  }

  private byte[] bytes(String type) throws ClassNotFoundException {
    try (InputStream in = getResourceAsStream(type.replace('.', '/') + ".class")) {
      if (in == null) {
        throw new ClassNotFoundException(type);
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new ClassNotFoundException(type, e);
    }
  }

  private byte[] instrumented(byte[] bytes) {
    ClassFile format = ClassFile.of();
    CodeTransform tell =
        (code, element) -> {
          if (element instanceof FieldInstruction put
              && put.opcode() == Opcode.PUTFIELD
              && isState(put)) {
            ClassDesc owner = put.owner().asSymbol();
            // Owner and value stay for the assignment itself; value and what was before are told.
            code.dup2()
                .swap()
                .getfield(owner, put.name().stringValue(), put.typeSymbol())
                .swap()
                .ldc(simpleName(owner) + "." + put.name().stringValue())
                .invokestatic(RECORDER, "assigned", ASSIGNED);
          }
          code.with(element);
        };
    return format.transformClass(
        format.parse(bytes), ClassTransform.transformingMethodBodies(tell));
  }

  private boolean isState(FieldInstruction put) {
    return MACHINES.contains(simpleName(put.typeSymbol()))
        && states
            .computeIfAbsent(put.owner().asInternalName().replace('/', '.'), this::changingFields)
            .contains(put.name().stringValue());
  }

  private Set<String> changingFields(String type) {
    try {
      ClassModel model = ClassFile.of().parse(bytes(type));
      Set<String> names = new HashSet<>();
      for (FieldModel field : model.fields()) {
        if (!field.flags().has(AccessFlag.FINAL)) {
          names.add(field.fieldName().stringValue());
        }
      }
      return names;
    } catch (ClassNotFoundException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The innermost name. */
  private static String simpleName(ClassDesc type) {
    String name = type.displayName();
    return name.substring(name.lastIndexOf('$') + 1);
  }
}
