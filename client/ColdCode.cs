using System.Reflection;
using System.Runtime.CompilerServices;
using Delos.Client.Loglets;
using Delos.Client.MetaStore;
using Delos.Client.Reconfiguration;
using Delos.Client.VirtualLogs;
using Delos.Protocol.Messages;

namespace Delos.Client;

/// <summary>
/// Has compiled ahead what runs for the first time when a segment ends: otherwise the first reconfiguration, or the first death of a sequencer, that a process sees is some 15 ms longer, under load, than the later ones. Of an async
/// method even a program that was compiled ahead of time leaves to the run time the method that suspends it, which is compiled with all optimizations (1 ms, once for each type of result and of what is awaited), and, if
/// its result's type is a class or a generic over one, the methods of its box. An application that was not compiled ahead has its bodies compiled, too.
/// </summary>
internal static class ColdCode
{
    /// <summary>What takes part between a seal and the first append to the next segment: in the process that reconfigures, and in those that wait.</summary>
    private static readonly Type[] s_owners =
    [
        typeof(Reconfigurer), typeof(ChainWriter), typeof(ChainStore), typeof(MetaStoreClient), typeof(ProposerRunner), typeof(NativeLoglet), typeof(TailProcedure), typeof(ReplicaSet), typeof(ReplicaReader),
        typeof(SequencerLink), typeof(VirtualLog), typeof(ChainView), typeof(SuccessorSearch), typeof(AppendMover), typeof(AppendScan),
    ];

    /// <summary>What <see cref="ReplicaSet"/> is asked then, with and without the type of the answer.</summary>
    private static readonly Type[][] s_messages =
    [
        [typeof(Seal), typeof(SealReply)], [typeof(Seal)], [typeof(Status), typeof(StatusReply)], [typeof(Status)], [typeof(Repair), typeof(RepairReply)], [typeof(Repair)], [typeof(Read)],
    ];

    // A thread of its own: those of the pool are the appends'.
    private static readonly Lazy<Task> s_compiled = new(static () => Task.Factory.StartNew(Compile, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));

    /// <summary>Done once for a process. If it fails, nothing but time is lost.</summary>
    public static Task CompiledAsync() => s_compiled.Value;

    /// <summary>Of a type: its async methods' state machines, closed over <see cref="s_messages"/> where they are generic.</summary>
    internal static IEnumerable<Type> StateMachines(Type owner)
    {
        foreach (var nested in owner.GetNestedTypes(BindingFlags.Public | BindingFlags.NonPublic))
        {
            if (!typeof(IAsyncStateMachine).IsAssignableFrom(nested))
            {
                foreach (var inner in StateMachines(nested)) yield return inner;
                continue;
            }

            if (!nested.IsGenericTypeDefinition)
            {
                yield return nested;
                continue;
            }

            foreach (var arguments in s_messages)
            {
                if (TryClose(nested, arguments) is { } closed) yield return closed;
            }
        }
    }

    private static void Compile()
    {
        foreach (var machine in s_owners.SelectMany(StateMachines)) Compile(machine);
    }

    private static Type? TryClose(Type definition, Type[] arguments)
    {
        if (definition.GetGenericArguments().Length != arguments.Length) return null;
        try
        {
            return definition.MakeGenericType(arguments);
        }
        catch (ArgumentException)
        {
            // A constraint is not met.
            return null;
        }
    }

    /// <summary>The names are the run time's own; where it has others there is less to compile, and nothing else changes.</summary>
    internal static void Compile(Type machine)
    {
        const BindingFlags all = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        var fields = machine.GetFields(all);
        if (fields.Select(static f => f.FieldType).FirstOrDefault(static t => t.Name.StartsWith("Async", StringComparison.Ordinal) && t.Name.Contains("MethodBuilder", StringComparison.Ordinal)) is not { } builder) return;
        var result = builder.IsGenericType ? builder.GetGenericArguments()[0] : typeof(Task).Assembly.GetType("System.Threading.Tasks.VoidTaskResult");
        if (result is null) return;
        Prepare(machine.GetMethod(nameof(IAsyncStateMachine.MoveNext), all), machine.GetGenericArguments());
        var methods = typeof(AsyncTaskMethodBuilder<>).MakeGenericType(result);
        var suspend = methods.GetMethods(all).FirstOrDefault(static m => m is { Name: "AwaitUnsafeOnCompleted", IsStatic: true } && m.GetGenericArguments().Length == 1);
        foreach (var awaiter in fields.Select(static f => f.FieldType).Where(static t => typeof(ICriticalNotifyCompletion).IsAssignableFrom(t)).Distinct()) Prepare(suspend?.MakeGenericMethod(awaiter), [result, awaiter]);
        if (methods.GetNestedType("AsyncStateMachineBox`1", all)?.MakeGenericType(result, machine) is not { } box) return;
        // A debugger's is never called.
        foreach (var method in box.GetMethods(all).Where(static m => m.Name != "get_DebuggerDisplay")) Prepare(method, [result, machine]);
        Prepare(box.TypeInitializer, [result, machine]);
    }

    private static void Prepare(MethodBase? method, Type[] arguments)
    {
        if (method is null || method.IsAbstract) return;
        RuntimeHelpers.PrepareMethod(method.MethodHandle, [.. arguments.Select(static a => a.TypeHandle)]);
    }
}
