package io.cairn.bench;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;

import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.properties.HasName;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.time.Clock;
import java.time.Instant;

/** The pure rooms stay pure, libraries stay in their rooms, and dependencies go one way. */
@AnalyzeClasses(packages = "io.cairn", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
  private static final String[] PURE = {
    "io.cairn.metadata.model..",
    "io.cairn.metadata.command..",
    "io.cairn.metadata.machine..",
    "io.cairn.metadata.placement..",
    "io.cairn.metadata.codec..",
    "io.cairn.storage.env..",
    "io.cairn.storage.wire..",
    "io.cairn.storage.replication..",
    "io.cairn.client.volume..",
    "io.cairn.client.nbd",
    "io.cairn.client.scsi",
    "io.cairn.client.iscsi",
  };

  @ArchTest
  static final ArchRule PURE_ROOMS_HAVE_NO_HOST =
      noClasses()
          .that()
          .resideInAnyPackage(PURE)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "io.netty..",
              "org.rocksdb..",
              "org.apache.ratis..",
              "java.net..",
              "java.nio.file..",
              "java.nio.channels..",
              "java.util.concurrent.atomic..",
              "java.util.concurrent.locks..");

  @ArchTest
  static final ArchRule PURE_ROOMS_HAVE_NO_THREAD =
      noClasses()
          .that()
          .resideInAnyPackage(PURE)
          .should()
          .dependOnClassesThat()
          .belongToAnyOf(
              Thread.class,
              java.util.concurrent.ExecutorService.class,
              java.util.concurrent.Executor.class,
              java.util.concurrent.ThreadLocalRandom.class,
              java.util.UUID.class,
              java.io.File.class);

  @ArchTest
  static final ArchRule PURE_ROOMS_HAVE_NO_CLOCK =
      noClasses()
          .that()
          .resideInAnyPackage(PURE)
          .should()
          .callMethod(System.class, "nanoTime")
          .orShould()
          .callMethod(System.class, "currentTimeMillis");

  /**
   * A clock that is set forward or back can hurt nobody but who reads it: when a scrub is due, when
   * trash is old enough, and what is shown to people, such as when something happened.
   */
  @ArchTest
  static final ArchRule WALL_CLOCK_IS_FOR_PEOPLE =
      noClasses()
          .that()
          .resideInAnyPackage("io.cairn.metadata..", "io.cairn.storage..", "io.cairn.client..")
          .and()
          .doNotBelongToAnyOf(io.cairn.metadata.clock.WallClock.class)
          .and()
          .doNotHaveFullyQualifiedName("io.cairn.client.cli.EventsCommand")
          .and()
          .doNotHaveFullyQualifiedName("io.cairn.client.cli.VolumeRecoverCommand")
          .and()
          .doNotHaveFullyQualifiedName("io.cairn.client.cli.SupportBundleCommand")
          .should()
          .accessTargetWhere(
              JavaAccess.Predicates.target(HasName.Predicates.name("currentTimeMillis"))
                  .or(
                      JavaAccess.Predicates.targetOwner(
                              JavaClass.Predicates.belongToAnyOf(Instant.class, Clock.class))
                          .and(
                              JavaAccess.Predicates.target(
                                  HasName.Predicates.nameMatching("now|system.*|tick.*")))));

  @ArchTest
  static final ArchRule ROCKSDB_HAS_ITS_ROOMS =
      classes()
          .that()
          .resideOutsideOfPackages("io.cairn.storage.chunk.index..", "io.cairn.metadata.ratis..")
          .should()
          .onlyDependOnClassesThat()
          .resideOutsideOfPackage("org.rocksdb..");

  @ArchTest
  static final ArchRule RATIS_HAS_ITS_ROOM =
      classes()
          .that()
          .resideOutsideOfPackage("io.cairn.metadata.ratis..")
          .should()
          .onlyDependOnClassesThat()
          .resideOutsideOfPackage("org.apache.ratis..");

  @ArchTest
  static final ArchRule DEPENDENCIES_GO_ONE_WAY =
      layeredArchitecture()
          .consideringOnlyDependenciesInAnyPackage("io.cairn..")
          .layer("metadata")
          .definedBy("io.cairn.metadata..")
          .layer("storage")
          .definedBy("io.cairn.storage..")
          .layer("client")
          .definedBy("io.cairn.client..")
          .optionalLayer("bench")
          .definedBy("io.cairn.bench..")
          .whereLayer("bench")
          .mayNotBeAccessedByAnyLayer()
          .whereLayer("client")
          .mayOnlyBeAccessedByLayers("bench")
          .whereLayer("storage")
          .mayOnlyBeAccessedByLayers("client", "bench");
}
