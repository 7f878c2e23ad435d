using System.Reflection;
using System.Runtime;
using Delos.Client.Loglets;
using Delos.Client.VirtualLogs;
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
        // The same but for their results: what one of them has had compiled is of no use to the other.
        var unprepared = await SuspendAsync(static pending => ColdAsync(pending));
        ColdCode.Compile(StateMachine(nameof(WarmAsync)));
        var prepared = await SuspendAsync(static pending => WarmAsync(pending));

        // The six methods of the box, the one that suspends, and the body.
        Assert.That(unprepared - prepared, Is.AtLeast(6));
    }

    [Test]
    public async Task AllOfItCanBePrepared() => await ColdCode.CompiledAsync();

    private static Type StateMachine(string method) =>
        typeof(ColdCodeTests).GetMethod(method, BindingFlags.NonPublic | BindingFlags.Static)!.GetCustomAttribute<System.Runtime.CompilerServices.AsyncStateMachineAttribute>()!.StateMachineType;

    /// <summary>Methods that are compiled for a call that has to wait.</summary>
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

    private static async Task<(Guid, byte)> ColdAsync(Task<Guid> pending) => (await pending.ConfigureAwait(false), 1);

    private static async Task<(Guid, sbyte)> WarmAsync(Task<Guid> pending) => (await pending.ConfigureAwait(false), 1);
}
