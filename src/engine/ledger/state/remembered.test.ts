import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { Remembered } from './remembered.ts'

test('a text is remembered until its time, and its room given back', () => {
  const remembered = new Remembered<number>()
  for (let count = 0; count < 5000; count++) remembered.set(`text ${count}`, count, 100 + count)
  equal(remembered.find('text 0', 99), 0)
  equal(remembered.find('text 0', 100), undefined)
  equal(remembered.find('text 1', 100), 1)
  remembered.sweep(100 + 2500, 100)
  equal(remembered.size, 2499)
  equal(remembered.pages.size, 3)
  remembered.sweep(10_000, 100)
  equal(remembered.size, 0)
  equal(remembered.pages.size, 0)
})

test('a sweep does no more than it was asked for, and a full one finds what is hidden behind longer windows', () => {
  const remembered = new Remembered<number>()
  remembered.set('long', 0, 1_000_000)
  for (let count = 0; count < 3000; count++) remembered.set(`short ${count}`, count, 10)
  remembered.sweep(20)
  equal(remembered.size, 3001)
  remembered.sweepAll(20)
  equal(remembered.size, 1)
  equal(remembered.find('long', 20), 0)
})

test('what is remembered again after its time is new, and not forgotten with the old', () => {
  const remembered = new Remembered<number>()
  remembered.set('text', 1, 10)
  remembered.set('text', 2, 30)
  remembered.sweep(20)
  equal(remembered.find('text', 20), 2)
})

test('a full sweep that finds nothing looks at pages, not at all that is remembered', () => {
  const remembered = new Remembered<number>()
  let looks = 0
  const until = 1_000_000
  remembered.loadPage(
    1,
    Array.from({ length: 1024 }, (_, value) => ({
      text: `text ${value}`,
      value,
      get until() {
        looks++
        return until
      },
    })),
  )
  looks = 0
  for (let count = 0; count < 100; count++) remembered.sweepAll(20)
  equal(looks, 0)
  remembered.sweepAll(until)
  equal(remembered.size, 0)
})
