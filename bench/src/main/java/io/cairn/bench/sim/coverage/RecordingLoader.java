package io.cairn.bench.sim.coverage;

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
 * Loads the project's classes so that each assignment of a state in the protocol's packages is told
 * to {@link Transitions}. The product itself knows nothing of that, and every machine is found by
 * what it is: a field that is not final, of an enum named State, Phase or ReplicaState.
 */
public final class RecordingLoader extends AnewLoader {
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

  /** One that records into the program's {@link Transitions}. */
  public RecordingLoader() {}

  @Override
  protected byte[] wanted(String type) throws ClassNotFoundException {
    byte[] bytes = original(type);
    return PROTOCOL.stream().anyMatch(type::startsWith) ? instrumented(bytes) : bytes;
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
      ClassModel model = ClassFile.of().parse(original(type));
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
