using System.Reflection;
using System.Runtime;
using Delos.Client;
using Delos.Client.Loglets;
using Delos.Protocol.Messages;

namespace Delos.Tests.VirtualLogs;

public sealed class ColdCodeTests
{
    [Test]
    public void FindsTheStateMachinesOfNestedTypesAndClosesGenericOnes()
    {
        Assert.Multiple(() =>
        {
            Assert.That(ColdCode.StateMachines(typeof(TailProcedure)).Select(static t => t.Name), Has.Some.Contains("CompleteAsync").And.Some.Contains("RunAsync"));
            Assert.That(ColdCode.StateMachines(typeof(ReplicaSet)).Where(static t => t.IsGenericType).Select(static t => t.GetGenericArguments()), Has.Some.EqualTo(new[] { typeof(Seal), typeof(SealReply) }));
            Assert.That(ColdCode.StateMachines(typeof(ReplicaSet)).Select(static t => t.ContainsGenericParameters), Has.None.True);
        });
    }

    [Test]
    public async Task AMethodThatWasPreparedLeavesLessToTheCompiler()
    {
        // The same but for their results: the first has compiled what they share.
        await SuspendAsync(static pending => FirstAsync(pending));
        var unprepared = await SuspendAsync(static pending => ColdAsync(pending));
        ColdCode.Compile(StateMachine(nameof(WarmAsync)));
        var prepared = await SuspendAsync(static pending => WarmAsync(pending));

        // The body, the method that suspends, and the first of the box's: what goes on when the awaited is there does so on another thread.
        Assert.That(unprepared - prepared, Is.AtLeast(3));
    }

    [Test]
    public async Task AllOfItCanBePrepared() => await ColdCode.CompiledAsync();

    private static Type StateMachine(string method) =>
        typeof(ColdCodeTests).GetMethod(method, BindingFlags.NonPublic | BindingFlags.Static)!.GetCustomAttribute<System.Runtime.CompilerServices.AsyncStateMachineAttribute>()!.StateMachineType;

    /// <summary>Methods that are compiled, on this thread, for a call that has to wait.</summary>
    private static async Task<long> SuspendAsync(Func<Task<Guid>, Task> call)
    {
        var pending = new TaskCompletionSource<Guid>();
        var before = JitInfo.GetCompiledMethodCount(currentThread: true);
        var called = call(pending.Task);
        pending.SetResult(Guid.Empty);
        var compiled = JitInfo.GetCompiledMethodCount(currentThread: true) - before;
        await called;
        return compiled;
    }

    private static async Task<(Guid, short)> FirstAsync(Task<Guid> pending) => (await pending.ConfigureAwait(false), 1);

    private static async Task<(Guid, byte)> ColdAsync(Task<Guid> pending) => (await pending.ConfigureAwait(false), 1);

    private static async Task<(Guid, sbyte)> WarmAsync(Task<Guid> pending) => (await pending.ConfigureAwait(false), 1);
}
