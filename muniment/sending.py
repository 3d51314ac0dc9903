"""The two ways to send calls and run flows: blocking and asynchronous. Decisions are made elsewhere, without I/O."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import httpx

from muniment.calls import Call, Course, Flow, Pause
from muniment.connection import Connection
from muniment.download import Download
from muniment.errors import MunimentError, Problem
from muniment.models import Page
from muniment.retries import Delivery
from muniment.upload_source import CHUNK_BYTES

T = TypeVar("T")

PageCall = Callable[[str | None], Call[Page[T]]]
"""The call for the page that a cursor leads to (None: the first)."""


class Sender:
    def __init__(self, http: httpx.Client, connection: Connection) -> None:
        self.http, self.connection = http, connection

    def send(self, call: Call[T]) -> T:
        delivery = Delivery(call, self.connection.retries)
        while True:
            try:
                response = self.http.send(self._request(call))
            except httpx.TransportError as error:
                time.sleep(delivery.pause_after_failure(self.connection.url_of(call), error))
                continue
            pause = delivery.pause_after_answer(response)
            if pause is None:
                return delivery.outcome(response)
            time.sleep(pause)

    def run(self, flow: Flow[T]) -> T:
        course = Course(flow)
        while (wish := course.wish) is not None:
            if isinstance(wish, Pause):
                time.sleep(wish.seconds)
                course.answer(None)
                continue
            try:
                answer = self.send(wish)
            except MunimentError as error:
                course.fail(error)
            else:
                course.answer(answer)
        return course.outcome()

    def iterate(self, page_call: PageCall[T]) -> Iterator[T]:
        cursor: str | None = None
        while True:
            page = self.send(page_call(cursor))
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def stream(self, call: Call[None], download: Download) -> Iterator[bytes]:
        while True:
            request = self._request(replace(call, headers={**call.headers, **download.headers()}))
            try:
                yield from self._receive(request, download)
            except (httpx.TransportError, Problem) as error:
                time.sleep(download.pause_after_failure(str(request.url), error))
            else:
                return

    def _receive(self, request: httpx.Request, download: Download) -> Iterator[bytes]:
        response = self.http.send(request, stream=True)
        try:
            if response.is_error:
                response.read()
            download.begin(response)
            for chunk in response.iter_raw(CHUNK_BYTES):
                yield download.accept(chunk)
            download.finish()
        finally:
            response.close()

    def _request(self, call: Call[Any]) -> httpx.Request:
        content = None if call.body is None else call.body.sync_chunks()
        return self.http.build_request(content=content, **self.connection.request_arguments(call))


class AsyncSender:
    def __init__(self, http: httpx.AsyncClient, connection: Connection) -> None:
        self.http, self.connection = http, connection

    async def send(self, call: Call[T]) -> T:
        delivery = Delivery(call, self.connection.retries)
        while True:
            try:
                response = await self.http.send(self._request(call))
            except httpx.TransportError as error:
                await asyncio.sleep(delivery.pause_after_failure(self.connection.url_of(call), error))
                continue
            pause = delivery.pause_after_answer(response)
            if pause is None:
                return delivery.outcome(response)
            await asyncio.sleep(pause)

    async def run(self, flow: Flow[T]) -> T:
        course = Course(flow)
        while (wish := course.wish) is not None:
            if isinstance(wish, Pause):
                await asyncio.sleep(wish.seconds)
                course.answer(None)
                continue
            try:
                answer = await self.send(wish)
            except MunimentError as error:
                course.fail(error)
            else:
                course.answer(answer)
        return course.outcome()

    async def iterate(self, page_call: PageCall[T]) -> AsyncIterator[T]:
        cursor: str | None = None
        while True:
            page = await self.send(page_call(cursor))
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    async def stream(self, call: Call[None], download: Download) -> AsyncIterator[bytes]:
        while True:
            request = self._request(replace(call, headers={**call.headers, **download.headers()}))
            try:
                async for chunk in self._receive(request, download):
                    yield chunk
            except (httpx.TransportError, Problem) as error:
                await asyncio.sleep(download.pause_after_failure(str(request.url), error))
            else:
                return

    async def _receive(self, request: httpx.Request, download: Download) -> AsyncIterator[bytes]:
        response = await self.http.send(request, stream=True)
        try:
            if response.is_error:
                await response.aread()
            download.begin(response)
            async for chunk in response.aiter_raw(CHUNK_BYTES):
                yield download.accept(chunk)
            download.finish()
        finally:
            await response.aclose()

    def _request(self, call: Call[Any]) -> httpx.Request:
        content = None if call.body is None else call.body.async_chunks()
        return self.http.build_request(content=content, **self.connection.request_arguments(call))
